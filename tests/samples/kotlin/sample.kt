package library.loans

import java.time.LocalDate
import kotlin.math.max as larger
import kotlinx.coroutines.delay
import library.people.*

const val LOAN_DAYS = 28L
private val log = Logger("loans")

typealias Rule = (Loan) -> Boolean

/** A book that somebody took home. */
data class Loan(val book: String, val reader: String, val due: LocalDate) {
    fun isOverdue(today: LocalDate = LocalDate.now()): Boolean = due.isBefore(today)
}

sealed interface Answer {
    data class Lent(val loan: Loan) : Answer

    object Refused : Answer {
        override fun toString() = "refused"
    }
}

enum class Shelf(val floor: Int) {
    FICTION(1),
    SCIENCE(2) {
        override fun label() = "science, upstairs"
    };

    open fun label(): String = name.lowercase()
}

annotation class Audited(val action: String)

abstract class Desk<T : Any>(protected val rules: List<Rule>) {
    abstract fun accept(item: T): Answer

    protected fun allowed(loan: Loan): Boolean = rules.all { rule -> rule(loan) }
}

class LoanDesk(
    rules: List<Rule>,
    private val days: Long = LOAN_DAYS,
) : Desk<String>(rules) {
    private val loans = mutableListOf<Loan>()

    val overdue: List<Loan>
        get() = loans.filter { it.isOverdue() }

    var closed = false
        private set

    init {
        log.note("a desk opened")
    }

    constructor(rule: Rule) : this(listOf(rule))

    @Audited("lend")
    override fun accept(item: String): Answer {
        val loan = Loan(item, "guest", LocalDate.now().plusDays(days))
        return when {
            closed -> Answer.Refused
            allowed(loan) -> lend(loan)
            else -> Answer.Refused
        }
    }

    private fun lend(loan: Loan): Answer {
        loans += loan
        return Answer.Lent(loan)
    }

    suspend fun remind(send: suspend (String) -> Unit) {
        for (loan in overdue) {
            send(loan.reader)
            delay(larger(10L, days))
        }

        fun finish() {
            closed = true
        }
        finish()
    }

    inner class Receipt(private val loan: Loan) {
        fun print(): String = buildString {
            append(loan.book)
            appendLine(" until ${loan.due}")
        }
    }

    companion object {
        val strict: Rule = { it.reader.isNotBlank() }

        fun default(): LoanDesk = LoanDesk(listOf(strict))
    }
}

object Archive : Collection<Loan> by emptyList() {
    fun keep(loan: Loan) = println(loan)
}

fun Loan.extend(days: Long): Loan = copy(due = due.plusDays(days))

inline fun <reified T : Answer> count(answers: Iterable<Answer>): Int {
    return answers.count { it is T }
}

fun main(args: Array<String>) {
    val desk: LoanDesk = LoanDesk.default()
    args.map { desk.accept(it) }.forEach(::println)
}

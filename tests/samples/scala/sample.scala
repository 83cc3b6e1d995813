package kitchen.recipes

import scala.collection.mutable
import scala.concurrent.{ExecutionContext, Future}
import scala.util.{Failure, Success => Worked, Try}
import kitchen.units._

/** How much of something. */
final case class Amount(value: Double, unit: String) {
  def *(factor: Double): Amount = copy(value = value * factor)

  override def toString: String = s"$value $unit"
}

sealed trait Step {
  def minutes: Int

  def describe: String = getClass.getSimpleName
}

case class Chop(what: String, minutes: Int) extends Step

case class Bake(degrees: Int, minutes: Int) extends Step {
  require(degrees < 300, "too hot")
}

case object Rest extends Step {
  val minutes = 10
}

trait Scales[A] {
  def scale(item: A, factor: Double): A
}

class Recipe(val name: String, steps: Seq[Step]) extends Ordered[Recipe] {
  private val ingredients = mutable.Map.empty[String, Amount]
  var portions: Int = 4

  def this(name: String) = this(name, Nil)

  def add(what: String, amount: Amount): this.type = {
    ingredients.update(what, amount)
    this
  }

  def minutes: Int = steps.map(_.minutes).sum

  def scaled(to: Int)(implicit scales: Scales[Amount]): Recipe = {
    val factor = to.toDouble / portions
    val made = new Recipe(name, steps)
    for ((what, amount) <- ingredients) {
      made.add(what, scales.scale(amount, factor))
    }
    made.portions = to
    made
  }

  override def compare(that: Recipe): Int = name.compareTo(that.name)

  private def missing(pantry: Set[String]): List[String] = {
    def absent(what: String): Boolean = !pantry.contains(what)

    ingredients.keys.filter(absent).toList
  }

  class Card(title: String) {
    def render(): String = s"# $title\n" + steps.map(_.describe).mkString("\n")
  }
}

object Recipe {
  type Book = Map[String, Recipe]

  private val Pattern = """(\w+):\s*(\d+)""".r

  implicit val scalesAmount: Scales[Amount] = new Scales[Amount] {
    def scale(item: Amount, factor: Double): Amount = item * factor
  }

  def apply(name: String, steps: Step*): Recipe = new Recipe(name, steps)

  @annotation.tailrec
  def total(steps: List[Step], sum: Int = 0): Int = steps match {
    case Nil => sum
    case step :: rest => total(rest, sum + step.minutes)
  }

  def parse(line: String): Either[String, Chop] = line match {
    case Pattern(what, minutes) => Right(Chop(what, minutes.toInt))
    case other => Left(s"not a step: $other")
  }

  def load(lines: Iterator[String])(implicit context: ExecutionContext): Future[Seq[Chop]] =
    Future {
      lines.flatMap(line => parse(line).toOption).toSeq
    }

  def safely[A](body: => A): String = Try(body) match {
    case Worked(value) => s"worked: $value"
    case Failure(problem) => s"failed: ${problem.getMessage}"
  }
}

object Main extends App {
  val soup = Recipe("Soup", Chop("leek", 5), Rest).add("leek", Amount(2, "pieces"))
  println(soup.scaled(8).minutes)
}

trait Stove {
  val plates: Int
  var heat: Double
  type Fuel
  def light(plate: Int): Unit
}

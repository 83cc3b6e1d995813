"""Every promise to a user, with a stable id; tests name the ids they prove.

A test declares ``@pytest.mark.requirement("id")``. `tests/test_requirements.py` checks the link both
ways: a promise without a test fails, so does a test that names what is no promise. What is not
built yet carries the reason in ``deferred`` and may have no test. A figure is never a timed test: it
names in ``measured`` the benchmark that states it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Requirement:
    """One promise. ``deferred`` says why nothing proves it yet, or is empty. ``measured`` is the folder
    of the benchmark that states the figure where a test cannot."""

    id: str
    text: str
    deferred: str = ""
    measured: str = ""


_LATER = "comes with the part of the product it belongs to"

_ALL = (
    # Two commands on a fresh machine
    (
        "commands.demo",
        "scripts/demo installs, indexes this repository and answers one question over MCP stdio",
    ),
    (
        "commands.check",
        "source sizes, names, environment reads and blind excepts stay inside the limits of docs/design.md",
    ),
    ("commands.test", "no test is skipped because a tool or package is missing: that is a failure"),
    ("commands.programs", "sophia-mcp and sophia serve are one server"),
    ("commands.ci", "continuous integration runs the checks, then the tests, and fails when none ran"),
    (
        "commands.breakages",
        "at least thirty breakages of the code are listed, each with the linked test that caught it",
    ),
    ("docs.seams", "every seam has a page that says how to extend it, and every link leads somewhere"),
    ("design.layers", "an import only points down the layers of docs/design.md"),
    ("commands.readme", "every command in the documents runs"),
    ("commands.readme_short", "the README has at most 600 words"),
    ("commands.reference", "reference pages are generated and up to date"),
    # Works alone, layers, errors
    (
        "design.errors_answered",
        "every error leaf has an answer at each door that is built, with what, why and next",
    ),
    ("design.registry_lazy", "listing the implementations of a folder imports none of them"),
    (
        "design.settings_precedence",
        "flag, environment, project file, user file, default: the first that speaks wins",
    ),
    (
        "design.settings_project_untrusted",
        "a repository's own settings cannot choose providers, keys or limits",
    ),
    ("design.secrets_are_references", "a secret is a reference and its value never appears in an error"),
    ("settings.keyring", "keyring:service/name is what the system's own store keeps under that name"),
    # Store
    ("store.sqlite_floor", "a store refuses to open on an SQLite with the known corruption bug"),
    ("store.scope", "a statement without a workspace scope is an error"),
    ("store.write_shielded", "a cancelled write leaves no open transaction and no half of its rows"),
    ("store.read_interrupted", "a cancelled read stops running"),
    ("store.migrations", "a migration killed at any statement resumes or rolls back"),
    (
        "store.version_skew",
        "a file too new to read is refused; an older program never writes a newer file",
    ),
    (
        "store.nth_write_fails",
        "a failing write or sync at any point corrupts nothing and leaves no partial unit",
    ),
    ("store.power_cut", "a power cut corrupts nothing; the truth keeps every acknowledged commit"),
    ("store.many_processes", "eight processes share one store without a lock error"),
    ("store.damage_detected", "a flipped bit in the truth is detected; a damaged index is rebuilt"),
    ("store.text_per_repository", "rows of another repository do not change a ranking"),
    ("store.vectors_contract", "every vector index finds what a brute-force search finds"),
    ("store.engine_contract", "every engine passes one suite"),
    ("store.leases", "one owner holds a lease; it passes on when its holder dies"),
    (
        "store.jobs",
        "a job is recorded before its first step, can be cancelled, and is listed for resuming",
    ),
    ("store.backup", "a backup can be verified and restored; a damaged one is refused"),
    # Indexing
    ("index.views_share", "a second worktree or clone costs almost no bytes"),
    ("index.branch_views", "a branch, tag or commit is searchable without touching the working tree"),
    ("index.dirty_overlay", "uncommitted edits overlay the commit"),
    ("index.incremental", "an update touches only what changed"),
    ("index.rename", "a renamed file is found at its new path only"),
    ("index.ignore_rules", ".gitignore and .sophiaignore are respected"),
    ("index.skips_counted", "every skipped file is counted with its reason"),
    ("index.secret_files", "key files and .env files are never indexed"),
    ("index.encodings", "UTF-16 and legacy encodings are read"),
    ("index.no_processes", "indexing a hostile git repository starts no process but our own workers"),
    ("index.parse_limit", "a hostile file cannot exceed its parse limit and falls back to lines"),
    ("index.hostile_tree", "links, devices, FIFOs, sparse and deep trees are skipped or read safely"),
    (
        "index.kill",
        "an indexer killed a hundred times leaves no corrupt store and loses no committed file",
    ),
    ("index.resume", "an interrupted index run resumes and loses nothing that was committed"),
    ("index.cancel", "an index run can be cancelled and leaves a usable index"),
    ("index.equals_fresh", "after any edits the index equals a fresh one by content"),
    ("index.watch", "a watched tree follows edits; another process takes the watch over"),
    ("index.collect", "dead views and blobs are collected and the store keeps its size limit"),
    ("index.versions", "blobs are redone when the chunker, grammars or model change"),
    ("index.clone", "a git URL is cloned only where that is allowed"),
    ("index.names", "repositories with the same name are told apart"),
    ("index.nested", "submodules and nested worktrees are repositories of their own"),
    ("index.git_unreadable", "what libgit2 cannot read is walked, and the answer says so"),
    ("languages.samples", "at least forty languages are cut at the definitions listed by hand"),
    (
        "languages.edges",
        "at least fifteen languages have references, imports and call edges by proof class",
    ),
    ("languages.every_line", "every line that is not blank belongs to exactly one chunk"),
    ("languages.documents", "Markdown is cut by heading, notebooks by cell, configuration by key"),
    ("languages.bombs", "parser bombs neither crash nor hang"),
    # Embedding
    ("embed.contract", "every embedder passes one suite"),
    ("embed.sources", "every training source has an allowed licence and is on no exclusion list"),
    (
        "embed.hosted_opt_in",
        "source leaves the machine only when a person allowed it, masked and inside a budget",
    ),
    (
        "embed.away",
        "an embedding endpoint that is down, slow or refuses costs meaning and nothing else; answers say so, and it returns by itself",
    ),
    (
        "embed.words",
        "words of a question meet words of the code by our own model, whoever makes the vectors of texts",
    ),
    ("embed.static", "the shipped model has at most 12 MB, loads lazily and relates questions to code"),
    ("embed.model2vec", "any folder of a model2vec model is read"),
    ("embed.cache", "a text is embedded once by each model, wherever it stands"),
    ("embed.cli", "sophia embed creates, batches, searches and compares vectors"),
    # Search
    ("search.modes", "text, symbol, regex, references, callers, similar and outline answer"),
    ("search.place", "a path, path:lines or symbol with full detail is a read"),
    ("search.filters", "paths, languages and kinds filter; a filter that matches nothing says so"),
    ("search.scope_changed", "the changed scope equals the diff"),
    ("search.scopes", "code, tests and docs narrow the answer"),
    (
        "search.regex_exact",
        "regular expressions run in linear time with exact counts and a completeness statement",
    ),
    ("search.callers_proof", "call edges carry their proof; a guess is never counted as resolved"),
    (
        "search.trace",
        "95 % of the frames of a stack trace land on today's lines, whatever was done to their files",
    ),
    ("search.budget", "max_tokens and limit are never exceeded; what did not fit is named"),
    ("search.cursor", "a cursor continues without repeating a span and is refused for another query"),
    ("search.fresh", "every hit is checked on disk: fresh, reindexed or stale"),
    (
        "search.never_silently_stale",
        "between random edits, every hit that is called fresh is what the disk says",
    ),
    ("search.everywhere", "repo=* answers from every repository inside the roots, within its limits"),
    (
        "search.first_use",
        "a project that was never indexed is indexed by its first question, which is answered",
    ),
    ("search.partial", "a partial index answers and says what share it covers"),
    ("search.not_here", "a miss begins with not here:, names the nearest and the next call"),
    ("search.masked", "secrets in code are masked in every answer"),
    ("search.json", "the JSON form has the fields of the contract"),
    ("search.why", "every hit says why it is there"),
    ("search.similar", "nine in ten near-duplicates planted in fifty places are among the first three"),
    ("search.tokens", "token counts are o200k counts"),
    ("search.scope_connectors", "the connectors scope searches synced records", _LATER),
    # Server
    ("server.tools_schema", "tools/list is a snapshot of at most 3,000 tokens"),
    (
        "server.parameters",
        "names, defaults, bounds, annotations and answer fields are those of the contract",
    ),
    ("server.changes", "clients that asked hear when a resource changes"),
    ("server.background", "what the server does on its own can fail without the server"),
    ("server.read_only", "a read-only server publishes no tool that writes"),
    ("server.both_eras", "every tool answers in both protocol eras"),
    (
        "server.stdio_clean",
        "every line on stdout is protocol, and end of input or a signal ends the process",
    ),
    ("server.discover", "a discover probe does not lock the era"),
    ("server.http_loopback", "HTTP serves loopback only, with Host and Origin checks"),
    ("server.unknown_argument", "an unknown argument is named with the nearest known one"),
    (
        "server.refused_argument",
        "a refused argument is told by name and value, with why and the call to make",
    ),
    ("server.lenient_lists", "a string where a list is asked for and null for a default are accepted"),
    ("server.output_cap", "an answer never exceeds what clients take"),
    ("server.progress", "index_repo reports progress and never waits longer than asked"),
    ("server.tasks", "the Tasks extension serves clients that declare it"),
    ("server.resources", "sophia://repos, its map and its coverage are readable, and by a tool too"),
    ("server.completions", "repositories, patterns and run ids complete"),
    ("server.instructions", "an agent is told to search first, and of no tool that is not there"),
    ("server.toolsets", "a server publishes just the toolsets and tools it was told to"),
    ("server.project_root", "the project root is found in the stated order; / and home are refused"),
    ("server.roots_only", "nothing outside the allowed roots is readable"),
    ("server.conformance_2025", "the official suite passes for 2025-11-25"),
    ("server.conformance_2026", "the official suite passes for 2026-07-28"),
    ("server.inspector", "Inspector lists and calls over stdio and HTTP in both eras"),
    ("server.servers_json", "each entry of servers.json starts"),
    ("server.light_start", "nothing heavy is imported before the first answer"),
    ("server.index_repo", "index_repo updates, reports, rebuilds, cancels and forgets"),
    # Security
    ("security.paths", "no hostile path reads a byte outside its root"),
    ("security.secrets", "planted secrets are masked and clean code is not"),
    ("security.text", "control, bidi and zero-width characters are harmless in answers"),
    # Command line
    ("cli.init", "init writes every client's configuration, backs up what it changes, and undoes it"),
    ("cli.index", "sophia index indexes a folder with progress and a report"),
    ("cli.search", "sophia search answers, also as JSON, and exits 3 when nothing is found"),
    ("cli.repos", "sophia repos lists what is indexed, and forgets one of it"),
    ("cli.exit_codes", "exit codes are 0 done, 1 failed, 2 wrong usage, 3 nothing found"),
    ("cli.help", "every command's help is a page of the reference and has an example"),
    ("cli.json", "every command but serve answers in JSON for machines"),
    ("cli.version", "sophia version tells its own and those of the parts that matter"),
    ("cli.doctor", "sophia debug doctor checks the store and says what to do"),
    ("cli.stats", "sophia debug stats shows sizes"),
    ("cli.health", "sophia health answers for machines"),
    ("cli.completion", "shell completion works"),
    ("cli.backup", "sophia backup creates, lists, verifies and restores"),
    # Benchmarks
    ("bench.one_command", "one command runs every benchmark, and any of them by its name"),
    ("bench.questions", "the relevance questions are well-formed and enough"),
    # Figures: stated by a benchmark for the commit it ran on, never by a timed test
    (
        "figures.relevance",
        "NDCG@10 at least 0.90 on unseen questions, symbols 0.975, a relevant file within 2k tokens 0.975",
        "",
        "benchmarks/relevance",
    ),
    (
        "figures.lines",
        "a target's lines within the first 2,000 tokens: 0.75, behaviour 0.65, symbols and errors 0.97",
        "",
        "benchmarks/relevance",
    ),
    (
        "figures.rivals",
        "better than semble in the same run, the 95 % interval of the mean above 0",
        "",
        "benchmarks/relevance",
    ),
    (
        "figures.absent",
        "at least 90 % of absent things refused, at most 5 % of present ones",
        "",
        "benchmarks/relevance",
    ),
    (
        "figures.cold_index",
        "10,000 files searchable within 45 s, whole within 90 s, first answer within 5 s",
        "",
        "benchmarks/speed",
    ),
    (
        "figures.edit",
        "an edited file is searchable within 250 ms at 100k chunks",
        "",
        "benchmarks/speed",
    ),
    (
        "figures.views",
        "a switch over 200 files within 3 s; a second worktree within 2 s and 1 MB",
        "",
        "benchmarks/speed",
    ),
    (
        "figures.query",
        "warm queries: median 30 ms, p95 120 ms; symbols 5 ms; regular expressions 50 ms",
        "",
        "benchmarks/speed",
    ),
    (
        "figures.cold_process",
        "a cold sophia search takes at most a third of semble's open and query",
        "",
        "benchmarks/speed",
    ),
    (
        "figures.many_processes",
        "with seven readers and a writer, p95 at most twice that without it, and 200 ms",
        "",
        "benchmarks/speed",
    ),
    (
        "figures.size",
        "at most 300 MB of memory at 100k chunks, and 3 bytes on disk for each of source",
        "",
        "benchmarks/speed",
    ),
    (
        "figures.start",
        "tools/list costs at most 1.3 times the processor time of an empty server",
        "",
        "benchmarks/startup",
    ),
    (
        "figures.scale",
        "a million chunks are indexed in bounded memory and answered within 1 s at p95",
        "",
        "benchmarks/scale",
    ),
    # Models over the wire
    (
        "llm.wire",
        "answers, streams, usage and failures over HTTP arrive as what they are, from every vendor's shape",
    ),
    ("llm.schema", "an answer asked for by schema satisfies it, or is mended once, or is an error"),
    ("llm.cancel", "a cancelled call of a model ends within a second"),
    ("llm.one_attempt", "one attempt of ours reaches the service once: no SDK repeats it"),
    ("llm.keys", "a key goes to its own host only, and no variable's key goes anywhere unasked"),
    ("llm.gateway", "the open-source Portkey gateway carries calls to three vendors, and its fallback"),
    # Models: providers and what stands around them
    ("llm.contract", "every provider keeps the same promises, from a key at a gateway to no key at all"),
    ("llm.choice", "auto takes portkey, openai, sampling, host: the first set up, and says why"),
    (
        "llm.guard",
        "deadline, repetition that heeds Retry-After, breaker and concurrency hold per provider",
    ),
    ("llm.fallback", "when a provider fails, the next one in order answers, with its own model"),
    ("llm.errors", "a failure says whether it may pass, when, and whether it may have cost something"),
    ("llm.context", "a question is cut at 85 % of the window, and never ends as too long"),
    ("llm.factors", "token estimates of a model come within 10 % after 20 settled calls"),
    ("llm.scripted", "the scripted provider answers and misbehaves as its script says"),
    ("llm.desk", "steps wait at a desk until the assistant or its client's model answers"),
    ("llm.masked", "a secret in a question is masked before it leaves for a model"),
    ("llm.lazy", "no SDK is imported, no secret looked up and nothing sent before the first question"),
    ("llm.catalogue", "every tier names a model whose price, window and abilities are known"),
    (
        "cache.exact",
        "only exactly the same question is answered from the cache, and saved money is counted",
    ),
    (
        "cache.never",
        "errors, truncated and invalid answers are never kept, nor shared between workspaces",
    ),
    (
        "cache.semantic",
        "the semantic cache is off, and its rate of false hits stands in the docs",
        "",
        "benchmarks/semantic_cache",
    ),
    # Swarms: patterns, and what of their answers is true
    ("swarm.citations", "no claim reaches an answer without words that stand in the source it names"),
    (
        "swarm.commands",
        "only commands a person allowed run, on a copy, bounded, without secrets or shell",
    ),
    ("swarm.evaluate", "arms are compared in pairs with intervals, and only sure gains are recommended"),
    ("swarm.retention", "old runs are deleted unless they work or wait; what they cost never is"),
    ("swarm.fence", "text of others stands between marks it cannot know, and nothing in it acts"),
    ("swarm.every_mode", "every pattern holds in every provider mode, over the wire and at the desk"),
    (
        "swarm.injection",
        "instructions in code, memory and tool text run nothing, show no secret, change no budget, write nothing",
    ),
    (
        "swarm.lies",
        "false quotes, bad JSON, broken patches and endless answers end in truth or a clear error",
    ),
    ("swarm.opinions", "a verifier and a judge can drop and order what is proposed, never add to it"),
    ("swarm.patch", "a patch that reaches an answer applies, parses, stays inside and shows no secret"),
    (
        "swarm.patterns",
        "every shipped pattern is valid data, and a fault in a file names the file and the key",
    ),
    (
        "swarm.patterns_untrusted",
        "a repository's pattern chooses neither commands nor provider, and reads nothing",
    ),
    ("swarm.quotes", "no finding reaches an answer whose quote does not stand at its path and line"),
    ("swarm.sarif", "findings become valid SARIF 2.1.0, and the exit code follows their severity"),
    # Money
    (
        "cost.hard_budget",
        "against the service's own bill, no run of several processes passes a hard budget, whatever fails",
    ),
    (
        "cost.entry_per_attempt",
        "every attempt is an entry with price and basis, also failed, cancelled, unsent and cached ones",
    ),
    (
        "cost.embedding",
        "each request of a hosted embedder is an entry of the ledger, under the budgets, like any call of a model",
    ),
    ("cost.never_silently_zero", "unpriced, estimated and uncertain amounts are named, and never $0"),
    ("cost.append_only", "entries are never changed: what turns out differently is a further entry"),
    ("cost.reprice", "entries are reckoned again at new prices, and the old amounts stay"),
    (
        "cost.budgets",
        "budgets of a run, day, week, month, repository, user and workspace refuse or warn",
    ),
    ("cost.queue", "a call waits where only calls in flight keep it out of a budget"),
    ("cost.uncertain", "what died with its process counts as uncertain until somebody settles it"),
    ("cost.nothing_lost", "no entry is lost and every sum holds after any kill"),
    ("cost.alerts", "each level of a budget is told once a period, without secrets"),
    ("cost.forecast", "a budget's forecast follows level and weekday and has an error band"),
    ("cost.suggestions", "a suggestion states what it would have saved on the recorded calls"),
    ("cost.report_exact", "a report equals a sum by hand in exact decimals, on any dimensions"),
    ("cost.formats", "table, JSON, CSV and Markdown tell the same exact amounts"),
    ("cost.cli", "sophia cost reports, sets budgets and settles what is uncertain"),
    (
        "cost.report_fast",
        "at a million entries: 200 ms at p95 on rolled-up dimensions, 2 s on any",
        "",
        "benchmarks/cost",
    ),
    ("cost.equals_bill", "the ledger equals the bill on every call whose usage was reported"),
    ("cost.export", "entries are exported as CSV, JSON, JSON lines and Markdown, in exact decimals"),
    ("cost.export_safe", "no exported cell becomes a formula in a spreadsheet"),
    (
        "cost.golden_shapes",
        "usage of every known shape costs what the vendor bills, within 0.1 %, and is never silently zero",
    ),
    (
        "cost.import",
        "the logs of other assistants are imported: each call once, with its final counts, at our prices",
    ),
    ("cost.prices", "a call is priced at its own time, length and kind of processing, or is unpriced"),
    (
        "cost.prices_own",
        "a user's prices.toml is laid over the published prices, row by row and by date",
    ),
    ("tools.cost_report", "cost_report tells exact amounts in text and structure, in both eras"),
    ("resources.cost_app", "ui://sophia/cost shows the report in a host, without a request of its own"),
    # Swarms: runs
    ("swarm.executes", "a run asks what its pattern says and keeps only findings that are proven"),
    ("swarm.shared_first", "what all questions of a run share comes first, word for word the same"),
    (
        "swarm.branches",
        "a branch without budget is left out and said so; a run without any is over_budget",
    ),
    ("swarm.left_out", "what was not asked for want of money can be told from what failed, as data"),
    ("swarm.raised_limit", "a run that met its limit goes on with a higher one, and pays nothing twice"),
    ("swarm.debate", "a debate has at most two rounds and ends when one changes nothing"),
    ("swarm.patches", "no patch that does not apply or parse reaches an answer; it is sent back first"),
    ("swarm.limits", "agents, questions at once, questions in all and time are bounded"),
    ("swarm.cancel", "a cancelled run stops its models, whichever process asked"),
    ("swarm.same_order", "the same order within a minute is one run, whichever process it reaches"),
    ("swarm.max_cost", "a run that costs money needs a limit"),
    (
        "swarm.warm",
        "a fan-out with a long beginning is warmed by its first agent where that saves money",
    ),
    ("swarm.host", "an assistant can do every step; waiting runs outlive their process"),
    ("swarm.journal", "an answered question is not asked again, a changed one is"),
    ("swarm.kill", "a killed run resumes, pays no finished step again and says what is uncertain"),
    ("swarm.timeline", "everything a run did, said, cost and decided can be read, as a tree or as JSON"),
    ("swarm.telemetry", "a run can be exported to OpenTelemetry under pinned names"),
    (
        "swarm.gates",
        "over the protocol, what is true is kept, a lie dropped, and a run costs what was billed",
    ),
    ("swarm.killed", "a server killed at any moment pays no finished step again"),
    ("swarm.any_answer", "whatever a service answers, a run ends in words and within its limit"),
    ("swarm.one_run", "the same order at two servers is one run"),
    ("swarm.full_disk", "a full disk ends a run in words, and the server lives"),
    # Swarms: doors
    ("tools.run_swarm", "run_swarm starts, estimates, answers, resumes and cancels, in both eras"),
    ("tools.get_run", "get_run lists runs, and tells status, result and timeline within its tokens"),
    ("resources.timelines", "timelines are readable, complete, and tell their subscribers"),
    ("prompts.patterns", "each swarm pattern is a prompt of the same name that names one right call"),
    ("swarm.progress", "a run is named before it has done anything, and says how far it is"),
    ("swarm.sampling", "a client's own model does the steps while a call is open, in both eras"),
    ("cli.swarm", "sophia swarm lists, creates, runs, resumes, cancels and compares, with exit codes"),
    ("cli.timeline", "sophia debug timeline shows a run as a tree, as it happens, as JSON and as spans"),
    ("swarm.one_answer", "the command line and the protocol tell the same of a run"),
    (
        "swarm.overhead",
        "the engine adds at most 5 ms to a step at p95; 8 one-second steps take at most 1.3 s",
        "",
        "benchmarks/swarm",
    ),
    (
        "swarm.prompt",
        "a run's id within 2 s, a cancel within 1 s, a resume after a kill within 2 s",
        "",
        "benchmarks/swarm",
    ),
    # Memory
    (
        "memory.remember",
        "what one process remembers every other finds at once, by words, by meaning and by id",
    ),
    (
        "memory.duplicates",
        "an exact or near duplicate reinforces; another number, name or negation is no duplicate",
    ),
    ("memory.tiers", "working memories end after 24 hours, episodic ones after 90 days, others never"),
    ("memory.decay", "a memory that nobody uses loses weight by half-lives and is never hidden"),
    (
        "memory.anchors",
        "every anchor whose code changed is flagged; code that only moved is fresh and says where it is",
    ),
    ("memory.provenance", "a memory says who asserted it, and whether that was confirmed"),
    ("memory.scopes", "a repository's memories stay there; its worktrees and clones share them"),
    ("memory.budget", "an answer never exceeds its tokens, and pages repeat nothing"),
    ("memory.data", "recalled text is quoted data: no line of it can pass for ours"),
    ("memory.secrets", "a secret is masked before anything is written, a text that is one refused"),
    ("memory.forget", "forgetting can be undone for 30 days"),
    ("memory.markdown", "export and import lose nothing and take over what a person edited"),
    (
        "memory.lessons",
        "a lesson stands in prompts only after it was confirmed, and no longer once contradicted",
    ),
    (
        "memory.feedback",
        "a person, or an assistant with less weight, accepts and rejects findings of a run by number",
    ),
    (
        "memory.statistics",
        "advice compares arms of at least eight runs by their intervals, with numbers; past runs are found",
    ),
    (
        "memory.candidates",
        "runs keep a summary and suggest lessons, and bring back none that was forgotten",
    ),
    ("memory.processes", "eight processes that remember at once, or are killed, lose nothing"),
    ("memory.resources", "memory is readable as resources, completes, and tells its subscribers"),
    ("memory.cli", "sophia memory adds, searches, lists, forgets, undoes, exports and imports"),
    (
        "memory.figures",
        "recall at 100,000 memories p95 at most 50 ms, a write p50 at most 20 ms",
        "",
        "benchmarks/memory",
    ),
    ("tools.remember", "remember and recall keep what was learned"),
    # Not built yet
    ("tools.query_connector", "query_connector reads business systems", _LATER),
    ("resources.connectors", "sophia://connectors/{name}, and completion of its names", _LATER),
    (
        "index.connectors",
        "index_repo(path='conn://system/object') syncs a connector into search",
        _LATER,
    ),
    ("swarm.business_analysis", "the pattern business_analysis answers over connectors, cited", _LATER),
    (
        "cli.later",
        "sophia connector, workspace, member, token, audit, vault, dashboard",
        _LATER,
    ),
    ("store.postgres", "PostgreSQL is the engine beyond one machine", _LATER),
    ("settings.vault", "vault: secret references", _LATER),
    ("server.teams", "HTTP beyond loopback with identities", _LATER),
)

REQUIREMENTS = {row[0]: Requirement(*row) for row in _ALL}
"""All promises by id."""

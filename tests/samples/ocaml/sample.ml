(* A priority queue over a leftist heap, with a scheduler on top of it. *)

open Printf

exception Empty
exception Late of int * string

type priority = int

type 'a heap =
  | Leaf
  | Node of int * 'a * 'a heap * 'a heap

type job = {
  name : string;
  priority : priority;
  mutable attempts : int;
}

and outcome =
  | Done of job
  | Failed of { job : job; reason : string }

module type ORDERED = sig
  type t

  val compare : t -> t -> int
end

external now : unit -> float = "caml_sys_time"

let limit = 1_000

let names : (string, job) Hashtbl.t = Hashtbl.create 16

(** Heaps whose least element is found first. *)
module Make (Item : ORDERED) = struct
  type item = Item.t

  let empty = Leaf

  let rank = function
    | Leaf -> 0
    | Node (rank, _, _, _) -> rank

  let node value left right =
    if rank left >= rank right then Node (rank right + 1, value, left, right)
    else Node (rank left + 1, value, right, left)

  let rec merge left right =
    match (left, right) with
    | Leaf, heap | heap, Leaf -> heap
    | Node (_, x, a, b), Node (_, y, c, d) ->
        if Item.compare x y <= 0 then node x a (merge b right)
        else node y c (merge left d)

  let insert value heap = merge (Node (1, value, Leaf, Leaf)) heap

  let pop = function
    | Leaf -> raise Empty
    | Node (_, value, left, right) -> (value, merge left right)
end

module Jobs = Make (struct
  type t = job

  let compare a b = Int.compare a.priority b.priority
end)

class virtual worker (name : string) =
  object (self)
    val mutable finished = 0

    method name = name

    method virtual perform : job -> outcome

    method run (job : job) =
      finished <- finished + 1;
      self#perform job
  end

class printing name =
  object
    inherit worker name

    method perform job =
      printf "%s does %s\n" name job.name;
      Done job
  end

let make ?(priority = 5) name =
  let job = { name; priority; attempts = 0 } in
  Hashtbl.replace names name job;
  job

let rec drain heap worker =
  match Jobs.pop heap with
  | exception Empty -> []
  | job, rest -> (
      match worker#run job with
      | Done job -> job.name :: drain rest worker
      | Failed { job; reason } when job.attempts < 3 ->
          job.attempts <- job.attempts + 1;
          eprintf "%s: %s\n" job.name reason;
          drain (Jobs.insert job rest) worker
      | Failed { job; _ } -> raise (Late (job.attempts, job.name)))

let ( |>> ) heap job = Jobs.insert job heap

let describe = fun outcome ->
  match outcome with
  | Done job -> job.name
  | Failed { reason; _ } -> reason

let () =
  let heap = Jobs.empty |>> make "sweep" |>> make ~priority:1 "wash" in
  drain heap (new printing "ann") |> List.iter print_endline

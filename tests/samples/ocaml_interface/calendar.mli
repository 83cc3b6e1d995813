(** Days, and the feasts that move with the moon. *)

(** {1 Days} *)

type t
(** A day. Days are ordered, and have no time of day. *)

type weekday =
  | Monday
  | Tuesday
  | Wednesday
  | Thursday
  | Friday
  | Saturday
  | Sunday

type span = {
  first : t;
  last : t;
}

exception Not_a_day of int * int * int
(** Raised with year, month and day. *)

exception Empty_span

val make : year:int -> month:int -> day:int -> t
(** @raise Not_a_day where there is none. *)

val today : unit -> t

val year : t -> int
val month : t -> int
val day : t -> int

val weekday : t -> weekday

val add : t -> int -> t
(** So many days later, or earlier. *)

val between : t -> t -> int

val compare : t -> t -> int

val ( +: ) : t -> int -> t
(** The same as {!add}. *)

(** {1 Text} *)

val of_string : string -> (t, string) result

val to_string : t -> string

val pp : Format.formatter -> t -> unit

external now_ns : unit -> int64 = "calendar_now_ns"

(** {1 Spans} *)

module Span : sig
  type nonrec t = span

  val of_days : first:t -> length:int -> t

  val length : t -> int

  val overlap : t -> t -> t option
  (** What two spans share. *)

  val fold : ('a -> int -> 'a) -> 'a -> t -> 'a
end

(** {1 Feasts} *)

module type RULE = sig
  type state

  val name : string

  val start : year:int -> state

  val next : state -> (t * state) option
end

module Easter : RULE

module Make (Rule : RULE) : sig
  val in_year : int -> t list

  val next_after : t -> t option
end

module Set : Set.S with type elt = t

val feasts : year:int -> (string * t) list
(** All that are known, by their day. *)

val is_holiday : ?region:string -> t -> bool

val working_days : ?region:string -> span -> int
(** Days of a span that are neither Sundays nor holidays. *)

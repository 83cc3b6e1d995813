//// Orders in a kitchen: they come in, wait for their turn, and leave when all plates are ready.

import gleam/dict.{type Dict}
import gleam/int
import gleam/list
import gleam/option.{type Option, None, Some}
import gleam/result
import gleam/string

/// How many plates may be on the fire at once.
pub const burners = 6

const slow_after_minutes = 25

pub type Dish {
  Dish(name: String, minutes: Int)
  Drink(name: String)
}

pub type Status {
  Waiting
  Cooking(since: Int)
  Ready
}

pub type Plate {
  Plate(dish: Dish, status: Status)
}

pub type Order {
  Order(table: Int, plates: List(Plate), at: Int)
}

pub opaque type Kitchen {
  Kitchen(orders: Dict(Int, Order), next: Int)
}

pub type Problem {
  NoSuchOrder(Int)
  NothingOrdered
}

pub type Change =
  Result(Kitchen, Problem)

pub fn new() -> Kitchen {
  Kitchen(orders: dict.new(), next: 1)
}

pub fn order(kitchen: Kitchen, table: Int, dishes: List(Dish), now: Int) -> Change {
  case dishes {
    [] -> Error(NothingOrdered)
    _ -> {
      let plates = list.map(dishes, fn(dish) { Plate(dish, first_status(dish)) })
      let made = Order(table: table, plates: plates, at: now)
      Ok(Kitchen(
        orders: dict.insert(kitchen.orders, kitchen.next, made),
        next: kitchen.next + 1,
      ))
    }
  }
}

fn first_status(dish: Dish) -> Status {
  case dish {
    Dish(..) -> Waiting
    Drink(_) -> Ready
  }
}

fn is_cooking(plate: Plate) -> Bool {
  case plate.status {
    Cooking(_) -> True
    _ -> False
  }
}

pub fn busy(kitchen: Kitchen) -> Int {
  kitchen.orders
  |> dict.values
  |> list.flat_map(fn(order) { order.plates })
  |> list.filter(is_cooking)
  |> list.length
}

/// The plate that has waited longest, where a burner is free.
pub fn next_plate(kitchen: Kitchen) -> Option(Dish) {
  let waiting =
    kitchen.orders
    |> dict.values
    |> list.sort(fn(a, b) { int.compare(a.at, b.at) })
    |> list.flat_map(fn(order) { order.plates })
    |> list.filter(fn(plate) { plate.status == Waiting })
  case waiting, busy(kitchen) < burners {
    [Plate(dish: dish, ..), ..], True -> Some(dish)
    _, _ -> None
  }
}

pub fn is_ready(order: Order) -> Bool {
  list.all(order.plates, fn(plate) { plate.status == Ready })
}

pub fn serve(kitchen: Kitchen, number: Int) -> Change {
  use found <- result.try(
    dict.get(kitchen.orders, number)
    |> result.replace_error(NoSuchOrder(number)),
  )
  case is_ready(found) {
    True -> Ok(Kitchen(..kitchen, orders: dict.delete(kitchen.orders, number)))
    False -> Ok(kitchen)
  }
}

@external(erlang, "kitchen_clock", "minutes")
pub fn minutes() -> Int

pub fn describe(order: Order, now: Int) -> String {
  let late = case now - order.at > slow_after_minutes {
    True -> " (late)"
    False -> ""
  }
  string.concat(["table ", int.to_string(order.table), late])
}

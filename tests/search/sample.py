"""The sample application: a small shop in three languages, with tests and documents."""

from __future__ import annotations

CART = '''"""The cart of a customer."""

from __future__ import annotations

from shop.money import Money, add_money
from shop.stock import reserve


class Cart:
    """Items a customer wants to buy."""

    def __init__(self, customer: str) -> None:
        self.customer = customer
        self.items: list[tuple[str, int, Money]] = []

    def put(self, sku: str, count: int, price: Money) -> None:
        """Add an article to the cart and hold it back in the warehouse."""
        reserve(sku, count)
        self.items.append((sku, count, price))

    def total(self) -> Money:
        """What everything together costs, before any discount."""
        result = Money(0, "EUR")
        for _, count, price in self.items:
            for _ in range(count):
                result = add_money(result, price)
        return result

    def clear(self) -> None:
        """Forget all items."""
        self.items = []
'''

MONEY = '''"""Amounts of money."""

from __future__ import annotations

from dataclasses import dataclass


class CurrencyMismatch(ValueError):
    """Two amounts cannot be added."""


@dataclass(frozen=True)
class Money:
    """An exact amount in the smallest unit of its currency."""

    cents: int
    currency: str


def add_money(left: Money, right: Money) -> Money:
    """The sum of two amounts of one currency."""
    if left.currency != right.currency:
        raise CurrencyMismatch(f"cannot add {right.currency} to {left.currency}: convert first")
    return Money(left.cents + right.cents, left.currency)


def parse_money(text: str) -> Money:
    """Read an amount such as ``12.50 EUR``."""
    number, currency = text.split()
    whole, _, fraction = number.partition(".")
    return Money(int(whole) * 100 + int(fraction.ljust(2, "0")), currency)
'''

STOCK = '''"""What is in the warehouse."""

from __future__ import annotations

LEVELS: dict[str, int] = {}


class OutOfStock(Exception):
    """There are fewer articles left than were asked for."""


def reserve(sku: str, count: int) -> None:
    """Take articles out of the free stock."""
    free = LEVELS.get(sku, 0)
    if free < count:
        raise OutOfStock(f"only {free} of {sku} left")
    LEVELS[sku] = free - count


def restock(sku: str, count: int) -> int:
    """Put articles back on the shelf after a delivery; returns the new level."""
    LEVELS[sku] = LEVELS.get(sku, 0) + count
    return LEVELS[sku]
'''

RETRY = '''"""Try again when the network fails."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

BASE_DELAY = 0.2


def backoff(attempt: int) -> float:
    """Seconds to wait before the next attempt: doubles each time, with jitter."""
    return BASE_DELAY * 2**attempt * (0.5 + random.random())


def call_with_retries(action: Callable[[], object], attempts: int = 3) -> object:
    """Run an action until it succeeds or the attempts are used up."""
    for attempt in range(attempts):
        try:
            return action()
        except ConnectionError:
            if attempt + 1 == attempts:
                raise
            time.sleep(backoff(attempt))
    raise AssertionError("unreachable")
'''

MAIL = """// Messages to customers.
import { render } from './template.js';

const QUEUE = [];

/** Put a message into the queue; it is delivered later. */
export function enqueueMail(address, subject, body) {
  if (!address.includes('@')) {
    throw new Error(`not a mail address: ${address}`);
  }
  QUEUE.push({ address, subject, body: render(body) });
  return QUEUE.length;
}

/** Deliver everything that waits. */
export async function flushQueue(transport) {
  while (QUEUE.length > 0) {
    const message = QUEUE.shift();
    await transport.deliver(message);
  }
}
"""

TEMPLATE = """// Fill values into texts.

/** Replace {{name}} marks by values. */
export function render(text, values = {}) {
  return text.replace(/\\{\\{(\\w+)\\}\\}/g, (_, name) => values[name] ?? '');
}
"""

SERVER_GO = """package server

import (
	"fmt"
	"net/http"
)

// Server answers requests of the shop.
type Server struct {
	Port  int
	limit *Limiter
}

// Handle answers one request, or refuses it when the client asks too often.
func (s *Server) Handle(w http.ResponseWriter, r *http.Request) {
	if !s.limit.Allow(r.RemoteAddr) {
		w.WriteHeader(http.StatusTooManyRequests)
		return
	}
	fmt.Fprintln(w, "ok")
}
"""

LIMIT_GO = """package server

import "sync"

// Limiter counts requests of each client.
type Limiter struct {
	mu     sync.Mutex
	counts map[string]int
	most   int
}

// Allow says whether the client may ask once more.
func (l *Limiter) Allow(client string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts[client]++
	return l.counts[client] <= l.most
}
"""

TEST_CART = """from shop.cart import Cart
from shop.money import Money
from shop.stock import restock


def test_total_adds_all_items():
    restock("tea", 5)
    cart = Cart("ann")
    cart.put("tea", 2, Money(350, "EUR"))
    assert cart.total() == Money(700, "EUR")
"""

README = """# Shop

A small shop.

## Delivery

Orders are handed to the carrier every evening. A late order waits for the next day.

## Returns

A customer may send articles back within thirty days.
"""

FILES = {
    "shop/__init__.py": "",
    "shop/cart.py": CART,
    "shop/money.py": MONEY,
    "shop/stock.py": STOCK,
    "shop/net/retry.py": RETRY,
    "web/mail.js": MAIL,
    "web/template.js": TEMPLATE,
    "server/server.go": SERVER_GO,
    "server/limit.go": LIMIT_GO,
    "tests/test_cart.py": TEST_CART,
    "README.md": README,
    "settings.toml": '[shop]\nname = "Shop"\nattempts = 3\n',
}


def line_of(path: str, text: str) -> int:
    """The first line of a sample file that holds ``text``."""
    return next(number for number, line in enumerate(FILES[path].split("\n"), 1) if text in line)

"""What is called in Ruby, where nothing states a type: by what is made, by what a method gives, by what is mixed in."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.anyio, pytest.mark.requirement("search.callers_proof")]

TYPED = "receiver-typed"
GUESS = "guess: name only"

FILES = {
    "lib/shop/till.rb": """module Shop
  class Till
    def ring(sum)
    end

    def self.open(name)
      new.tap { |till| till.ring(1) }
    end
  end

  class Loud < Till
    def ring(sum)
      super
    end
  end
end
""",
    "lib/shop.rb": """module Shop
  def self.till
    @till ||= Till.new
  end

  def self.any
    return Other.new if rand > 1
    Till.new
  end
end
""",
    "lib/shop/run.rb": """module Shop
  MAIN = Till.new

  class Run
    attr_reader :till, :other

    def initialize(other)
      @till = Till.new
      @other = other
      @given ||= Till.new(other)
    end

    def self.make
      new(1)
    end

    def mine
      Till.new(1)
    end

    def chained
      self
    end

    def go(name)
      Till.new(name).ring(1)
      Shop::Till.new.ring(2)
      Shop.till.ring(3)
      till.ring(4)
      @given&.ring(5)
      mine.ring(6)
    end

    def more(name)
      self.class.make.chained.till.ring(7)
      MAIN.ring(8)
      Till.open(name).ring(9)
    end

    def unsure(till)
      till.ring(10)
      other.ring(11)
      Shop.any.ring(12)
      [1].each { |mine| mine.ring(13) }
      ::Till.new.ring(14)
    end
  end
end
""",
}


async def _lines(index_of, files: dict[str, str], name: str, path: str) -> dict[int, str]:
    """How the calls in one file are proven, by line."""
    async with index_of(files) as ask:
        answer = await ask(name, mode="callers", limit=50)
    found: dict[int, str] = {}
    for hit in answer.hits:
        for part in hit.why.split("; "):
            lines, _, proof = part.removeprefix("calls it at ").removesuffix(")").partition(" (")
            found |= {int(line): proof for line in lines.split(", ") if hit.path == path}
    return found


async def test_ruby_says_by_what_it_makes_and_gives_on_what_is_called(index_of) -> None:
    found = await _lines(index_of, FILES, "Till.ring", "lib/shop/run.rb")
    assert {line for line, proof in found.items() if proof == TYPED} == {*range(26, 32), 35, 36, 37}
    assert {line for line, proof in found.items() if proof == GUESS} == set(range(41, 46))


async def test_super_calls_the_method_of_the_class_above(index_of) -> None:
    assert await _lines(index_of, FILES, "Till.ring", "lib/shop/till.rb") == {13: TYPED, 7: GUESS}

-- | A clock that people at a table share while they play.
module Clock
  ( Clock
  , Player(..)
  , start
  , press
  , tick
  , remaining
  , class Shown
  , shown
  ) where

import Prelude

import Data.Array (foldl, replicate)
import Data.Int (quot, rem)
import Data.Map (Map)
import Data.Map as Map
import Data.Maybe (Maybe(..), fromMaybe)
import Data.Newtype (class Newtype, unwrap)
import Data.Tuple (Tuple(..))

-- | Seconds, never less than none.
newtype Seconds = Seconds Int

derive instance newtypeSeconds :: Newtype Seconds _
derive newtype instance eqSeconds :: Eq Seconds

data Player
  = White
  | Black

derive instance eqPlayer :: Eq Player
derive instance ordPlayer :: Ord Player

data Rule
  = Sudden
  | Bonus Seconds
  | Delay Seconds

type Times = Map Player Seconds

type Clock =
  { times :: Times
  , turn :: Maybe Player
  , rule :: Rule
  }

-- | What can be shown on the face of a clock.
class Shown a where
  shown :: a -> String
  width :: a -> Int

instance shownSeconds :: Shown Seconds where
  shown (Seconds all) = two (all `quot` 60) <> ":" <> two (all `rem` 60)
  width _ = 5

instance shownPlayer :: Shown Player where
  shown White = "white"
  shown Black = "black"
  width _ = 5

two :: Int -> String
two n
  | n < 10 = "0" <> show n
  | otherwise = show n

other :: Player -> Player
other White = Black
other Black = White

start :: Seconds -> Rule -> Clock
start each rule =
  { times: Map.fromFoldable [ Tuple White each, Tuple Black each ]
  , turn: Nothing
  , rule
  }

remaining :: Player -> Clock -> Seconds
remaining player clock =
  fromMaybe (Seconds 0) (Map.lookup player clock.times)

-- Whoever presses has moved: the other's time runs from now on.
press :: Player -> Clock -> Clock
press player clock = case clock.turn of
  Just now | now /= player -> clock
  _ -> clock { turn = Just (other player), times = rewarded }
  where
  rewarded = case clock.rule of
    Bonus extra -> Map.update (Just <<< add extra) player clock.times
    _ -> clock.times

add :: Seconds -> Seconds -> Seconds
add a b = Seconds (unwrap a + unwrap b)

lessen :: Seconds -> Seconds
lessen (Seconds n) = Seconds (max 0 (n - 1))

tick :: Clock -> Clock
tick clock = case clock.turn of
  Nothing -> clock
  Just player ->
    clock { times = Map.update (Just <<< lessen) player clock.times }

isOver :: Clock -> Boolean
isOver clock = foldl gone false [ White, Black ]
  where
  gone known player = known || unwrap (remaining player clock) == 0

face :: Clock -> String
face clock = shown (remaining White clock) <> gap <> shown (remaining Black clock)
  where
  gap = foldl append "" (replicate 3 " ")

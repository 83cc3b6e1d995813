{-# LANGUAGE LambdaCase #-}
{-# LANGUAGE ScopedTypeVariables #-}

-- | A small parser for key-value notes, with a printer and a fold over them.
module Notes
  ( Note (..)
  , Book
  , parseBook
  , render
  ) where

import Control.Monad (forM_, unless)
import Data.Char (isAlpha, isSpace)
import qualified Data.Map.Strict as Map
import Data.Maybe (fromMaybe)

-- | One note under a key.
data Note = Note
  { noteKey :: String
  , noteText :: String
  , noteTags :: [Tag]
  }
  deriving (Show, Eq)

newtype Tag = Tag {unTag :: String}
  deriving (Show, Eq, Ord)

type Book = Map.Map String Note

data Problem
  = NoKey Int
  | BadTag Int String
  deriving (Show)

newtype Parser a = Parser {runParser :: String -> Either Problem (a, String)}

-- | What can be written as lines.
class Pretty a where
  pretty :: a -> [String]

  prettyLength :: a -> Int
  prettyLength = length . concat . pretty

instance Pretty Tag where
  pretty (Tag name) = ["#" ++ name]

instance Pretty Note where
  pretty note =
    (noteKey note ++ ": " ++ noteText note)
      : concatMap pretty (noteTags note)

instance Functor Parser where
  fmap f (Parser run) = Parser $ \text -> case run text of
    Left problem -> Left problem
    Right (value, rest) -> Right (f value, rest)

instance Applicative Parser where
  pure value = Parser $ \text -> Right (value, text)
  Parser left <*> Parser right = Parser $ \text -> do
    (f, rest) <- left text
    (value, end) <- right rest
    pure (f value, end)

-- | Takes letters while they satisfy the test.
takeWhile1 :: (Char -> Bool) -> Parser String
takeWhile1 test = Parser $ \text ->
  case span test text of
    ("", _) -> Left (NoKey 0)
    (found, rest) -> Right (found, rest)

key :: Parser String
key = takeWhile1 isAlpha

parseLine :: Int -> String -> Either Problem Note
parseLine number line = do
  (name, rest) <- either (const (Left (NoKey number))) Right (runParser key line)
  let (body, tags) = break (== '#') (drop 1 rest)
  found <- traverse (parseTag number) (words tags)
  pure Note {noteKey = name, noteText = trim body, noteTags = found}

parseTag :: Int -> String -> Either Problem Tag
parseTag _ ('#' : name) | all isAlpha name = Right (Tag name)
parseTag number other = Left (BadTag number other)

parseBook :: String -> Either Problem Book
parseBook text = foldr insert (Right Map.empty) (zip [1 ..] (lines text))
  where
    insert (number, line) book = do
      note <- parseLine number line
      Map.insert (noteKey note) note <$> book

render :: Book -> String
render = unlines . concatMap pretty . Map.elems

trim :: String -> String
trim = dropWhile isSpace . reverse . dropWhile isSpace . reverse

infixl 6 |+|

(|+|) :: Book -> Note -> Book
book |+| note = Map.insertWith merge (noteKey note) note book
  where
    merge new old = new {noteTags = noteTags old ++ noteTags new}

describe :: Problem -> String
describe = \case
  NoKey number -> "line " ++ show number ++ " has no key"
  BadTag number tag -> "line " ++ show number ++ ": bad tag " ++ tag

main :: IO ()
main = do
  text <- getContents
  case parseBook text of
    Left problem -> putStrLn (describe problem)
    Right book -> do
      forM_ (Map.elems book) $ \note ->
        unless (null (noteTags note)) $ putStrLn (noteKey note)
      putStr (fromMaybe "" (Just (render book)))

//! A tiny tokenizer and evaluator for arithmetic with named values.

use std::collections::HashMap;
use std::fmt::{self, Display};
use std::str::Chars as Letters;

use crate::report::{emit, Level};

const MAX_DEPTH: usize = 64;
static GREETING: &str = "ready";

pub type Outcome<T> = Result<T, Failure>;

/// What went wrong, with the place in the input.
#[derive(Debug, Clone, PartialEq)]
pub enum Failure {
    Unexpected { found: char, at: usize },
    Unknown(String),
    TooDeep,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Token {
    Number(f64),
    Name(String),
    Sign(char),
}

pub trait Source {
    fn value(&self, name: &str) -> Option<f64>;

    fn known(&self, name: &str) -> bool {
        self.value(name).is_some()
    }
}

#[derive(Default)]
pub struct Table {
    values: HashMap<String, f64>,
}

pub struct Lexer<'a> {
    letters: std::iter::Peekable<Letters<'a>>,
    at: usize,
}

macro_rules! fail {
    ($kind:expr) => {
        return Err($kind)
    };
}

impl Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Unexpected { found, at } => write!(out, "unexpected {found:?} at {at}"),
            Failure::Unknown(name) => write!(out, "unknown name {name}"),
            Failure::TooDeep => out.write_str("nested too deeply"),
        }
    }
}

impl Table {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn with(mut self, name: &str, value: f64) -> Self {
        self.values.insert(name.to_owned(), value);
        self
    }
}

impl Source for Table {
    fn value(&self, name: &str) -> Option<f64> {
        self.values.get(name).copied()
    }
}

impl<'a> Lexer<'a> {
    pub fn new(text: &'a str) -> Self {
        Lexer { letters: text.chars().peekable(), at: 0 }
    }

    fn number(&mut self, first: char) -> f64 {
        let mut digits = String::from(first);
        while let Some(next) = self.letters.next_if(|c| c.is_ascii_digit() || *c == '.') {
            digits.push(next);
        }
        self.at += digits.len();
        digits.parse().unwrap_or(f64::NAN)
    }
}

impl<'a> Iterator for Lexer<'a> {
    type Item = Outcome<Token>;

    fn next(&mut self) -> Option<Self::Item> {
        let letter = self.letters.next()?;
        Some(match letter {
            '0'..='9' => Ok(Token::Number(self.number(letter))),
            'a'..='z' => Ok(Token::Name(letter.to_string())),
            '+' | '-' | '*' | '/' | '(' | ')' => Ok(Token::Sign(letter)),
            found => Err(Failure::Unexpected { found, at: self.at }),
        })
    }
}

/// Evaluates a flat expression from left to right.
pub fn evaluate<S>(text: &str, source: &S, depth: usize) -> Outcome<f64>
where
    S: Source + ?Sized,
{
    if depth > MAX_DEPTH {
        fail!(Failure::TooDeep);
    }
    let apply = |sign: char, left: f64, right: f64| if sign == '-' { left - right } else { left + right };
    let mut total = 0.0;
    let mut sign = '+';
    for token in Lexer::new(text) {
        match token? {
            Token::Number(value) => total = apply(sign, total, value),
            Token::Sign(next) => sign = next,
            Token::Name(name) => {
                let value = source.value(&name).ok_or(Failure::Unknown(name))?;
                total = apply(sign, total, value);
            }
        }
    }
    emit(Level::Trace, GREETING);
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds_named_values() {
        let table = Table::new().with("a", 2.0);
        assert_eq!(evaluate("a+3", &table, 0), Ok(5.0));
    }
}

pub trait Reader {
    type Unit: Display;
    const LIMIT: usize;
    fn read(&mut self) -> Option<Self::Unit>;
}

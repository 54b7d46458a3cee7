//! The words that are still to be read.

use std::iter::Peekable;
use std::vec::IntoIter;

use crate::query::error::QueryError;
use crate::query::lexer::{Lexeme, Token};

/// Words that are names only in `[[ ]]`.
const KEYWORDS: [&str; 16] = [
    "SELECT",
    "TOP",
    "FROM",
    "WHERE",
    "GROUP",
    "BY",
    "AS",
    "AND",
    "OR",
    "NOT",
    "IN",
    "NIN",
    "TRUE",
    "FALSE",
    "NULL",
    "UNDEFINED",
];

/// The rest of a query, of which `take_*` reads the next word only if it is the one asked for.
pub(super) struct Words {
    rest: Peekable<IntoIter<Lexeme>>,
    /// How deep in brackets, lists and calls the next word is.
    pub(super) depth: usize,
}

impl Words {
    pub(super) fn of(lexemes: Vec<Lexeme>) -> Self {
        Self {
            rest: lexemes.into_iter().peekable(),
            depth: 0,
        }
    }

    pub(super) fn keyword(&mut self, keyword: &str) -> Result<(), QueryError> {
        match self.take_keyword(keyword) {
            true => Ok(()),
            false => Err(self.expected(keyword)),
        }
    }

    pub(super) fn take_keyword(&mut self, keyword: &str) -> bool {
        let found = self.position_of_keyword(keyword).is_some();
        found && self.rest.next().is_some()
    }

    pub(super) fn position_of_keyword(&mut self, keyword: &str) -> Option<usize> {
        let next = self.rest.peek()?;
        let is_it = matches!(&next.token, Token::Word(word) if word.eq_ignore_ascii_case(keyword));
        is_it.then_some(next.position)
    }

    pub(super) fn symbol(&mut self, symbol: &'static str) -> Result<(), QueryError> {
        match self.take_symbol(symbol) {
            Some(_) => Ok(()),
            None => Err(self.expected(&format!("'{symbol}'"))),
        }
    }

    /// Where the symbol is, if it is next.
    pub(super) fn take_symbol(&mut self, symbol: &'static str) -> Option<usize> {
        let next = self
            .rest
            .next_if(|next| next.token == Token::Symbol(symbol));
        next.map(|next| next.position)
    }

    /// The symbol that is next, if one is.
    pub(super) fn peek_symbol(&mut self) -> Option<&'static str> {
        match self.rest.peek()?.token {
            Token::Symbol(symbol) => Some(symbol),
            _ => None,
        }
    }

    pub(super) fn take_text(&mut self) -> Option<String> {
        let next = self
            .rest
            .next_if(|next| matches!(next.token, Token::Text(_)));
        match next?.token {
            Token::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn take_number(&mut self) -> Option<f64> {
        let next = self
            .rest
            .next_if(|next| matches!(next.token, Token::Number(_)));
        match next?.token {
            Token::Number(number) => Some(number),
            _ => None,
        }
    }

    pub(super) fn number(&mut self, what: &str) -> Result<(usize, f64), QueryError> {
        let position = self.position();
        let number = self.take_number();
        let number = number.ok_or_else(|| self.expected(what))?;
        Ok((position, number))
    }

    /// A word, be it a keyword or not.
    pub(super) fn word(&mut self, what: &str) -> Result<(usize, String), QueryError> {
        let position = self.position();
        let next = self
            .rest
            .next_if(|next| matches!(next.token, Token::Word(_)));
        match next.map(|next| next.token) {
            Some(Token::Word(word)) => Ok((position, word)),
            _ => Err(self.expected(what)),
        }
    }

    /// A name: in `[[ ]]`, or a word that is no keyword.
    pub(super) fn name(&mut self, what: &str) -> Result<String, QueryError> {
        if let Some(name) = self.take_escaped_name() {
            return Ok(name);
        }
        let (position, word) = self.word(what)?;
        if KEYWORDS
            .iter()
            .any(|keyword| keyword.eq_ignore_ascii_case(&word))
        {
            let message =
                format!("expected {what}, found the keyword {word}: as a name it is [[{word}]]");
            return Err(QueryError::at(position, message));
        }
        Ok(word)
    }

    fn take_escaped_name(&mut self) -> Option<String> {
        let next = self
            .rest
            .next_if(|next| matches!(next.token, Token::Name(_)));
        match next?.token {
            Token::Name(name) => Some(name),
            _ => None,
        }
    }

    pub(super) fn skip(&mut self) {
        self.rest.next();
    }

    pub(super) fn is_at_end(&mut self) -> bool {
        self.rest.peek().is_none_or(|next| next.token == Token::End)
    }

    /// Where the next word is.
    pub(super) fn position(&mut self) -> usize {
        self.rest.peek().map_or(1, |next| next.position)
    }

    /// The complaint that the next word is not what it should be.
    pub(super) fn expected(&mut self, what: &str) -> QueryError {
        let position = self.position();
        let found = self.rest.peek().map_or(&Token::End, |next| &next.token);
        QueryError::at(position, format!("expected {what}, found {found}"))
    }
}

//! The stream of tokens, with expectations.

use std::{iter::Peekable, vec::IntoIter};

use crate::query::{
    error::QueryError,
    lexer::{Lexeme, Token},
};

/// Keywords, which are names only in `[[ ]]`.
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

/// The unread tokens of a query. `take_*` reads the next token only if it matches.
pub(super) struct TokenStream {
    rest: Peekable<IntoIter<Lexeme>>,
    /// Nesting depth of the next token in parentheses, arrays and calls.
    pub(super) depth: usize,
}

impl TokenStream {
    pub(super) fn new(lexemes: Vec<Lexeme>) -> Self {
        Self {
            rest: lexemes.into_iter().peekable(),
            depth: 0,
        }
    }

    pub(super) fn keyword(&mut self, keyword: &str) -> Result<(), QueryError> {
        match self.take_keyword(keyword) {
            true => Ok(()),
            false => Err(self.unexpected(keyword)),
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
            None => Err(self.unexpected(&format!("'{symbol}'"))),
        }
    }

    /// Reads a symbol if it is next. Returns its position.
    pub(super) fn take_symbol(&mut self, symbol: &'static str) -> Option<usize> {
        let next = self
            .rest
            .next_if(|next| next.token == Token::Symbol(symbol));
        next.map(|next| next.position)
    }

    /// Returns the next token if it is a symbol.
    pub(super) fn peek_symbol(&mut self) -> Option<&'static str> {
        match self.rest.peek()?.token {
            Token::Symbol(symbol) => Some(symbol),
            _ => None,
        }
    }

    pub(super) fn take_string(&mut self) -> Option<String> {
        let next = self
            .rest
            .next_if(|next| matches!(next.token, Token::String(_)));
        match next?.token {
            Token::String(text) => Some(text),
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

    pub(super) fn number(&mut self, expected: &str) -> Result<(usize, f64), QueryError> {
        let position = self.position();
        let number = self.take_number();
        let number = number.ok_or_else(|| self.unexpected(expected))?;
        Ok((position, number))
    }

    /// Reads a word, keywords included.
    pub(super) fn word(&mut self, expected: &str) -> Result<(usize, String), QueryError> {
        let position = self.position();
        let next = self
            .rest
            .next_if(|next| matches!(next.token, Token::Word(_)));
        match next.map(|next| next.token) {
            Some(Token::Word(word)) => Ok((position, word)),
            _ => Err(self.unexpected(expected)),
        }
    }

    /// Reads a name: in `[[ ]]`, or a word that is not a keyword.
    pub(super) fn name(&mut self, expected: &str) -> Result<String, QueryError> {
        if let Some(name) = self.take_escaped_name() {
            return Ok(name);
        }
        let (position, word) = self.word(expected)?;
        if KEYWORDS
            .iter()
            .any(|keyword| keyword.eq_ignore_ascii_case(&word))
        {
            let message = format!(
                "expected {expected}, found the keyword {word}: write [[{word}]] for the name"
            );
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

    /// Returns the position of the next token.
    pub(super) fn position(&mut self) -> usize {
        self.rest.peek().map_or(1, |next| next.position)
    }

    /// Makes the error for an unexpected next token.
    pub(super) fn unexpected(&mut self, expected: &str) -> QueryError {
        let position = self.position();
        let found = self.rest.peek().map_or(&Token::End, |next| &next.token);
        QueryError::at(position, format!("expected {expected}, found {found}"))
    }
}

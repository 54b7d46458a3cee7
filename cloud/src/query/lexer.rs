//! The lexer: text to tokens.

use std::{fmt, iter::Peekable, str::Chars};

use super::error::QueryError;

/// A token of a query.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// A keyword, a function or a name.
    Word(String),
    /// A name in `[[ ]]`, which is never a keyword.
    Name(String),
    /// A string literal, without quotes.
    String(String),
    /// A number literal.
    Number(f64),
    /// An operator, a bracket, a comma or a dot.
    Symbol(&'static str),
    /// The end of the query.
    End,
}

/// A token and its position in characters, from 1.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Lexeme {
    pub(super) token: Token,
    pub(super) position: usize,
}

/// The longer ones first.
const SYMBOLS: [&str; 18] = [
    "<=", ">=", "<>", "!=", "=", "<", ">", "+", "-", "*", "/", "%", "(", ")", "[", "]", ",", ".",
];

/// Splits `text` into tokens, the last of which is the end.
pub(super) fn lexemes(text: &str) -> Result<Vec<Lexeme>, QueryError> {
    let mut lexer = Lexer {
        rest: text.chars().peekable(),
        position: 1,
    };
    let mut lexemes = Vec::new();
    loop {
        lexer.skip_space();
        let position = lexer.position;
        let token = lexer.token()?;
        let ended = token == Token::End;
        lexemes.push(Lexeme { token, position });
        if ended {
            return Ok(lexemes);
        }
    }
}

struct Lexer<'a> {
    rest: Peekable<Chars<'a>>,
    position: usize,
}

impl Lexer<'_> {
    fn token(&mut self) -> Result<Token, QueryError> {
        match self.rest.peek().copied() {
            None => Ok(Token::End),
            Some(quote @ ('\'' | '"')) => self.string(quote).map(Token::String),
            Some(c) if c.is_ascii_digit() => self.number().map(Token::Number),
            Some(c) if begins_name(c) => Ok(Token::Word(self.take_while(continues_name))),
            Some('[') => Ok(self
                .escaped_name()
                .map_or_else(|| self.open_bracket(), Token::Name)),
            Some(c) => self.symbol(c),
        }
    }

    /// Reads `[[name]]`; `None` if an array within an array begins here.
    fn escaped_name(&mut self) -> Option<String> {
        let mut ahead = self.rest.clone();
        let opens = [ahead.next(), ahead.next()] == [Some('['); 2];
        ahead.peek().filter(|c| opens && begins_name(**c))?;
        let mut name = String::new();
        while let Some(c) = ahead.next_if(|c| !matches!(c, '[' | ']' | ',' | '\'' | '"')) {
            name.push(c);
        }
        if [ahead.next(), ahead.next()] != [Some(']'); 2] {
            return None;
        }
        self.position += name.chars().count() + "[[]]".len();
        self.rest = ahead;
        Some(name)
    }

    fn open_bracket(&mut self) -> Token {
        self.next();
        Token::Symbol("[")
    }

    fn symbol(&mut self, first: char) -> Result<Token, QueryError> {
        let mut ahead = self.rest.clone();
        let two: String = ahead.by_ref().take(2).collect();
        let symbol = SYMBOLS.into_iter().find(|symbol| two.starts_with(symbol));
        let symbol = symbol.ok_or_else(|| {
            QueryError::at(self.position, format!("unexpected character {first:?}"))
        })?;
        self.position += symbol.len();
        self.rest.nth(symbol.len() - 1);
        Ok(Token::Symbol(symbol))
    }

    fn string(&mut self, quote: char) -> Result<String, QueryError> {
        let opened = self.position;
        self.next();
        let mut text = String::new();
        loop {
            match self.next() {
                None => return Err(QueryError::at(opened, "unterminated string")),
                Some(c) if c == quote => return Ok(text),
                Some('\\') => text.push(self.escape()?),
                Some(c) => text.push(c),
            }
        }
    }

    fn escape(&mut self) -> Result<char, QueryError> {
        let position = self.position - 1;
        let wrong = || {
            QueryError::at(
                position,
                r#"invalid escape: allowed are \', \", \\ and \uXXXX"#,
            )
        };
        match self.next().ok_or_else(wrong)? {
            c @ ('\'' | '"' | '\\') => Ok(c),
            'u' => {
                let digits: String = (0..4).filter_map(|_| self.next()).collect();
                let whole = digits.len() == 4 && digits.bytes().all(|c| c.is_ascii_hexdigit());
                let code = u32::from_str_radix(&digits, 16).ok();
                code.filter(|_| whole)
                    .and_then(char::from_u32)
                    .ok_or_else(wrong)
            }
            _ => Err(wrong()),
        }
    }

    /// Reads a decimal number with optional fraction and exponent, or a hexadecimal one after `0x`.
    fn number(&mut self) -> Result<f64, QueryError> {
        let position = self.position;
        let mut digits = self.take_while(|c| c.is_ascii_alphanumeric() || c == '_');
        if self.rest.peek() == Some(&'.') {
            digits.push('.');
            self.next();
            digits += &self.take_while(|c| c.is_ascii_alphanumeric() || c == '_');
        }
        if digits.ends_with(['e', 'E'])
            && let Some(sign) = self.rest.next_if(|c| matches!(c, '+' | '-'))
        {
            self.position += 1;
            digits.push(sign);
            digits += &self.take_while(|c| c.is_ascii_digit());
        }
        value_of(&digits)
            .filter(|number| number.is_finite())
            .ok_or_else(|| QueryError::at(position, format!("invalid number {digits:?}")))
    }

    fn take_while(&mut self, part: impl Fn(char) -> bool) -> String {
        let mut taken = String::new();
        while let Some(c) = self.rest.next_if(|c| part(*c)) {
            self.position += 1;
            taken.push(c);
        }
        taken
    }

    fn skip_space(&mut self) {
        self.take_while(char::is_whitespace);
    }

    fn next(&mut self) -> Option<char> {
        let next = self.rest.next()?;
        self.position += 1;
        Some(next)
    }
}

fn value_of(digits: &str) -> Option<f64> {
    match digits
        .strip_prefix("0x")
        .or_else(|| digits.strip_prefix("0X"))
    {
        Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16).ok().map(f64::from),
        None => digits.parse().ok(),
    }
}

fn begins_name(c: char) -> bool {
    c.is_alphabetic() || matches!(c, '_' | '$')
}

fn continues_name(c: char) -> bool {
    begins_name(c) || c.is_numeric()
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(word) => f.write_str(word),
            Self::Name(name) => write!(f, "[[{name}]]"),
            Self::String(text) => write!(f, "the string {text:?}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Symbol(symbol) => write!(f, "'{symbol}'"),
            Self::End => f.write_str("the end of the query"),
        }
    }
}

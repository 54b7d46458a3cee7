//! Conditions, by precedence climbing.

use super::tokens::TokenStream;
use crate::{
    json::JsonValue,
    query::{
        error::QueryError,
        expression::{Expression, Function, MINUS_POWER, NOT_POWER, Operator},
        value::number,
    },
};

/// The deepest nesting of a condition: it is parsed, evaluated and dropped recursively.
const MAX_DEPTH: usize = 64;

impl TokenStream {
    pub(super) fn condition(&mut self) -> Result<Expression, QueryError> {
        self.operands(0)
    }

    /// Parses an expression whose operators have at least this binding power.
    fn operands(&mut self, power: u8) -> Result<Expression, QueryError> {
        let depth = self.depth;
        self.descend()?;
        let mut left = self.operand()?;
        while let Some(operator) = self.take_operator(power) {
            // AND and OR are flat, all other operators add a level.
            if !matches!(operator, Operator::And | Operator::Or) {
                self.descend()?;
            }
            let position = self.position();
            let right = self.operands(operator.power() + 1)?;
            if matches!(operator, Operator::In | Operator::NotIn) && !right.may_be_list() {
                return Err(QueryError::at(
                    position,
                    "IN and NIN require a list: ['a', 'b']",
                ));
            }
            left = left.joined(operator, right);
        }
        self.depth = depth;
        Ok(left)
    }

    fn descend(&mut self) -> Result<(), QueryError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let message = format!("a condition must not nest deeper than {MAX_DEPTH}");
            return Err(QueryError::at(self.position(), message));
        }
        Ok(())
    }

    fn take_operator(&mut self, power: u8) -> Option<Operator> {
        let operator = self
            .peek_operator()
            .filter(|operator| operator.power() >= power)?;
        self.skip();
        Some(operator)
    }

    fn peek_operator(&mut self) -> Option<Operator> {
        const WORDS: [(&str, Operator); 4] = [
            ("OR", Operator::Or),
            ("AND", Operator::And),
            ("IN", Operator::In),
            ("NIN", Operator::NotIn),
        ];
        let words = WORDS.into_iter();
        let mut words = words.filter(|(word, _)| self.position_of_keyword(word).is_some());
        if let Some((_, operator)) = words.next() {
            return Some(operator);
        }
        Some(match self.peek_symbol()? {
            "=" => Operator::Equal,
            "!=" | "<>" => Operator::NotEqual,
            "<" => Operator::Less,
            "<=" => Operator::LessOrEqual,
            ">" => Operator::Greater,
            ">=" => Operator::GreaterOrEqual,
            "+" => Operator::Add,
            "-" => Operator::Subtract,
            "*" => Operator::Multiply,
            "/" => Operator::Divide,
            "%" => Operator::Remainder,
            _ => return None,
        })
    }

    /// Parses an operand.
    fn operand(&mut self) -> Result<Expression, QueryError> {
        if self.take_keyword("NOT") {
            return Ok(Expression::Not(Box::new(self.operands(NOT_POWER)?)));
        }
        if self.take_symbol("-").is_some() {
            return Ok(Expression::Negative(Box::new(self.operands(MINUS_POWER)?)));
        }
        if self.take_symbol("(").is_some() {
            let inner = self.condition()?;
            self.symbol(")")?;
            return Ok(inner);
        }
        if self.take_symbol("[").is_some() {
            return self.constants().map(Expression::Constant);
        }
        match self.take_constant() {
            Some(constant) => Ok(constant),
            None => self.attribute_or_call(),
        }
    }

    fn take_constant(&mut self) -> Option<Expression> {
        if let Some(text) = self.take_string() {
            return Some(Expression::Constant(text.into()));
        }
        if let Some(constant) = self.take_number().and_then(number) {
            return Some(Expression::Constant(constant));
        }
        if self.take_keyword("UNDEFINED") {
            return Some(Expression::Undefined);
        }
        let constants = [
            ("TRUE", true.into()),
            ("FALSE", false.into()),
            ("NULL", JsonValue::Null),
        ];
        let mut constants = constants.into_iter();
        let (_, constant) = constants.find(|(word, _)| self.take_keyword(word))?;
        Some(Expression::Constant(constant))
    }

    fn attribute_or_call(&mut self) -> Result<Expression, QueryError> {
        let position = self.position();
        let name = self.name("a value, an attribute or a function")?;
        if self.take_symbol("(").is_none() {
            return self.path_from(name).map(Expression::Attribute);
        }
        let function = Function::from_name(&name).ok_or_else(|| unknown(position, &name))?;
        let arguments = self.list(")", Self::condition)?;
        if arguments.len() != function.arity() {
            let message = format!(
                "wrong number of arguments of {name}: expected {}, found {}",
                function.arity(),
                arguments.len()
            );
            return Err(QueryError::at(position, message));
        }
        Ok(Expression::Call(function, arguments))
    }

    /// Parses the rest of a list of constants. As in Azure it has no attributes, which could occur in it a thousand times.
    fn constants(&mut self) -> Result<JsonValue, QueryError> {
        self.list("]", Self::constant).map(JsonValue::Array)
    }

    fn constant(&mut self) -> Result<JsonValue, QueryError> {
        let position = self.position();
        let constant = match self.condition()? {
            Expression::Constant(constant) => Some(constant),
            Expression::Negative(operand) => match *operand {
                Expression::Constant(constant) => constant.as_f64().and_then(|it| number(-it)),
                _ => None,
            },
            _ => None,
        };
        constant.ok_or_else(|| QueryError::at(position, "a list holds constants only"))
    }

    /// Parses items between commas until `close`.
    fn list<T>(
        &mut self,
        close: &'static str,
        item: fn(&mut Self) -> Result<T, QueryError>,
    ) -> Result<Vec<T>, QueryError> {
        let mut items = Vec::new();
        if self.take_symbol(close).is_some() {
            return Ok(items);
        }
        loop {
            items.push(item(self)?);
            if self.take_symbol(",").is_none() {
                self.symbol(close)?;
                return Ok(items);
            }
        }
    }
}

impl Expression {
    fn may_be_list(&self) -> bool {
        matches!(
            self,
            Self::Constant(JsonValue::Array(_)) | Self::Attribute(_)
        )
    }

    fn joined(self, operator: Operator, right: Self) -> Self {
        match (operator, self) {
            (Operator::And, Self::All(mut operands)) | (Operator::Or, Self::Any(mut operands)) => {
                operands.push(right);
                if operator == Operator::And {
                    Self::All(operands)
                } else {
                    Self::Any(operands)
                }
            }
            (Operator::And, left) => Self::All(vec![left, right]),
            (Operator::Or, left) => Self::Any(vec![left, right]),
            (operator, left) => Self::Binary(operator, Box::new(left), Box::new(right)),
        }
    }
}

fn unknown(position: usize, name: &str) -> QueryError {
    let message = if Function::is_routing_only(name) {
        format!("{name} is a function of message routing, not of queries")
    } else {
        format!("unknown function {name}")
    };
    QueryError::at(position, message)
}

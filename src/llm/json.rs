//! JSON in what a model wrote: the last complete object, read strictly.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Why a text has no usable object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Problem {
    /// There is none.
    Absent,
    /// The last one begins and does not end.
    CutOff,
    /// It is there and cannot be read, with what is wrong.
    Unreadable(String),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("it holds no JSON object"),
            Self::CutOff => f.write_str("its JSON object is cut off"),
            Self::Unreadable(problem) => write!(f, "its JSON object cannot be read: {problem}"),
        }
    }
}

/// The last complete JSON object at the top level of a text, whatever stands around it.
///
/// An object inside another is never taken for the answer; one that begins and does not end makes the whole reply
/// cut off, even where another one is complete before it; a key that occurs twice makes the object unreadable.
pub(crate) fn last_object(text: &str) -> Result<Value, Problem> {
    let mut last = None;
    let mut at = 0;
    while let Some(brace) = text[at..].find('{') {
        let start = at + brace;
        let mut objects = serde_json::Deserializer::from_str(&text[start..]).into_iter::<IgnoredAny>();
        at = match objects.next() {
            Some(Ok(_)) => {
                let end = start + objects.byte_offset();
                last = Some(&text[start..end]);
                end
            }
            Some(Err(error)) if error.is_eof() => return Err(Problem::CutOff),
            // A brace in prose.
            _ => start + 1,
        };
    }
    strict(last.ok_or(Problem::Absent)?).map_err(|error| Problem::Unreadable(error.to_string()))
}

/// A JSON value in which no object has a key twice.
pub(crate) fn strict(text: &str) -> Result<Value, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = Strict.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number is not finite"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = elements.next_element_seed(Strict)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some(name) = entries.next_key::<String>()? {
            let value = entries.next_value_seed(Strict)?;
            if fields.contains_key(&name) {
                return Err(serde::de::Error::custom(format!("key `{name}` is there twice")));
            }
            fields.insert(name, value);
        }
        Ok(Value::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_last_complete_object_is_the_answer() {
        for (text, expected) in [
            (r#"{"a": 1}"#, json!({"a": 1})),
            ("```json\n{\"a\": 1}\n```", json!({"a": 1})),
            (r#"First {"a": 1}, no: {"a": {"b": 2}}."#, json!({"a": {"b": 2}})),
            (r#"A set {x, y} and then {"a": "}{"}"#, json!({"a": "}{"})),
            (r#"{"a": 1} and the set {x}"#, json!({"a": 1})),
            (r#"[{"a": 1}, {"a": 2}]"#, json!({"a": 2})),
            ("{\"ä\": \"…{\"}", json!({"ä": "…{"})),
        ] {
            assert_eq!(last_object(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_not_whole_is_no_answer() {
        for text in [r#"{"a": 1, "b": {"c": 2}, "d": "#, r#"{"a": 1} {"a": "B"#, "{", "{\"a\": tr"] {
            assert_eq!(last_object(text), Err(Problem::CutOff), "{text}");
        }
        for text in ["", "A", "The set {A}.", "[1]"] {
            assert_eq!(last_object(text), Err(Problem::Absent), "{text}");
        }
        for text in [r#"{"a": 1, "a": 2}"#, r#"{"b": [{"a": 1, "a": 1}]}"#] {
            let problem = last_object(text).unwrap_err();
            assert!(
                problem.to_string().ends_with("key `a` is there twice at line 1 column 15")
                    || problem.to_string().contains("twice"),
                "{problem}"
            );
        }
    }

    #[test]
    fn depth_does_not_overflow_the_stack() {
        let deep = format!("{}1{}", "{\"a\":".repeat(100_000), "}".repeat(100_000));
        assert!(matches!(last_object(&deep), Err(Problem::Unreadable(_))));
        assert_eq!(last_object(&"{".repeat(10_000)), Err(Problem::CutOff));
    }
}

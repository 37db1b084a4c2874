//! JSON as it is found in images: the keys that are wanted are taken, whatever shape they have, the rest is passed over.
//!
//! Nothing but what is wanted is held, what was read before damage is kept, and a value of another shape than
//! expected counts as none. Nesting is bounded by `serde_json`, which refuses more than 127 levels.

use super::parts::text;
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use std::fmt;

/// The most objects of a list; programs have a few thousand packages.
pub(in crate::software) const MAX_OBJECTS: usize = 20_000;

/// The most texts of a list; the largest packages have some ten thousand files.
const MAX_TEXTS: usize = 200_000;

/// Something that takes what it wants of an object.
pub(in crate::software) trait Fields {
    /// Takes the value of a key from `map`, or tells that it does not want it.
    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error>;

    /// Takes what it wants of an array that stands where the object should.
    fn items<'de, A: SeqAccess<'de>>(&mut self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }
}

/// Reads an object; tells what is wrong if it is damaged. What was read before is kept. O(bytes).
pub(in crate::software) fn read<T: Fields>(content: &[u8], into: &mut T) -> Option<String> {
    let text = text(content);
    let mut deserializer = serde_json::Deserializer::from_str(&text);
    let error = Object(into).deserialize(&mut deserializer).err()?;
    // What it holds may have any shape, so only too much of it is an error of data.
    Some(match error.is_data() {
        true => "it has more entries than are read".to_owned(),
        false => format!("it is damaged JSON at line {}", error.line()),
    })
}

/// Refuses another entry where there are enough: `[0,0,...]` would take many times its size in memory.
pub(in crate::software) fn check_room<E: serde::de::Error>(
    entries: usize,
    most: usize,
) -> Result<(), E> {
    if entries < most { Ok(()) } else { Err(E::custom("too many entries")) }
}

/// The visits of what is neither text nor list nor object, and counts as none.
macro_rules! scalars_are_none {
    ($value:expr) => {
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("anything")
        }
        fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
            Ok($value)
        }
        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
            Ok($value)
        }
        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
            Ok($value)
        }
        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
            Ok($value)
        }
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok($value)
        }
    };
}

/// An object that is taken field by field.
pub(in crate::software) struct Object<'a, T>(pub(in crate::software) &'a mut T);

impl<'de, T: Fields> DeserializeSeed<'de> for Object<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: Fields> Visitor<'de> for Object<'_, T> {
    type Value = ();
    scalars_are_none!(());

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<(), A::Error> {
        self.0.items(seq)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if !self.0.field(&key, &mut map)? {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

/// Objects in an array, each added as it is read.
pub(in crate::software) struct Many<'a, T>(pub(in crate::software) &'a mut Vec<T>);

impl<T: Fields + Default> Fields for Many<'_, T> {
    fn field<'de, A: MapAccess<'de>>(&mut self, _: &str, map: &mut A) -> Result<bool, A::Error> {
        // Some writers make an object of what should be an array.
        check_room(self.0.len(), MAX_OBJECTS)?;
        let mut item = T::default();
        map.next_value_seed(Object(&mut item))?;
        self.0.push(item);
        Ok(true)
    }

    fn items<'de, A: SeqAccess<'de>>(&mut self, mut seq: A) -> Result<(), A::Error> {
        loop {
            let mut item = T::default();
            if seq.next_element_seed(Object(&mut item))?.is_none() {
                return Ok(());
            }
            check_room(self.0.len(), MAX_OBJECTS)?;
            self.0.push(item);
        }
    }
}

/// A text, or a number as text; `None` for anything else.
#[derive(Debug, Default)]
pub(in crate::software) struct Text(pub(in crate::software) Option<String>);

impl Text {
    /// The text; empty if there is none.
    pub(in crate::software) fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit;
        impl<'de> Visitor<'de> for Visit {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }
            fn visit_bool<E>(self, _: bool) -> Result<Text, E> {
                Ok(Text(None))
            }
            fn visit_i64<E>(self, number: i64) -> Result<Text, E> {
                Ok(Text(Some(number.to_string())))
            }
            fn visit_u64<E>(self, number: u64) -> Result<Text, E> {
                Ok(Text(Some(number.to_string())))
            }
            fn visit_f64<E>(self, number: f64) -> Result<Text, E> {
                Ok(Text(Some(number.to_string())))
            }
            fn visit_unit<E>(self) -> Result<Text, E> {
                Ok(Text(None))
            }
            fn visit_str<E>(self, text: &str) -> Result<Text, E> {
                Ok(Text(Some(text.to_owned())))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Text, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Text(None))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Text, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Text(None))
            }
        }
        deserializer.deserialize_any(Visit)
    }
}

/// Texts in an array, the keys of an object, or a text that stands alone; what else an array holds is passed over.
#[derive(Debug, Default)]
pub(in crate::software) struct Texts(pub(in crate::software) Vec<String>);

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit;
        impl<'de> Visitor<'de> for Visit {
            type Value = Texts;
            scalars_are_none!(Texts::default());

            fn visit_str<E>(self, text: &str) -> Result<Texts, E> {
                Ok(Texts(vec![text.to_owned()]))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Texts, A::Error> {
                let mut texts = Vec::new();
                while let Some(Text(text)) = seq.next_element()? {
                    check_room(texts.len(), MAX_TEXTS)?;
                    texts.extend(text);
                }
                Ok(Texts(texts))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Texts, A::Error> {
                let mut texts = Vec::new();
                while let Some((key, IgnoredAny)) = map.next_entry()? {
                    check_room(texts.len(), MAX_TEXTS)?;
                    texts.push(key);
                }
                Ok(Texts(texts))
            }
        }
        deserializer.deserialize_any(Visit)
    }
}

/// Licences: a text, an object with its `type` or `name`, or an array of these.
#[derive(Debug, Default)]
pub(in crate::software) struct Licenses(pub(in crate::software) Vec<String>);

impl Licenses {
    /// All of them as one expression: each may be chosen.
    pub(in crate::software) fn any(&self) -> String {
        super::parts::license(&self.0.join(" OR "))
    }

    fn add(&mut self, license: Text) {
        self.0.extend(license.0.filter(|text| !text.trim().is_empty()));
    }
}

impl Fields for Licenses {
    fn field<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        let is_name = matches!(key, "type" | "name");
        if is_name {
            self.add(map.next_value()?);
        }
        Ok(is_name)
    }
}

impl<'de> Deserialize<'de> for Licenses {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut licenses = Self::default();
        deserializer.deserialize_any(License(&mut licenses))?;
        Ok(licenses)
    }
}

/// A licence of any shape that is added to others.
struct License<'a>(&'a mut Licenses);

impl<'de> DeserializeSeed<'de> for License<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for License<'_> {
    type Value = ();
    scalars_are_none!(());

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.0.add(Text(Some(text.to_owned())));
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(License(self.0))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        Object(self.0).visit_map(map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default)]
    struct Seen {
        name: Text,
        keys: Texts,
        license: Licenses,
    }

    impl Fields for Seen {
        fn field<'de, A: MapAccess<'de>>(
            &mut self,
            key: &str,
            map: &mut A,
        ) -> Result<bool, A::Error> {
            match key {
                "name" => self.name = map.next_value()?,
                "keys" => self.keys = map.next_value()?,
                "license" => self.license = map.next_value()?,
                _ => return Ok(false),
            }
            Ok(true)
        }
    }

    fn seen(json: &str) -> (String, Vec<String>, String, bool) {
        let mut seen = Seen::default();
        let is_damaged = read(json.as_bytes(), &mut seen).is_some();
        (seen.name.as_str().to_owned(), seen.keys.0, seen.license.any(), is_damaged)
    }

    #[test]
    fn any_shape_is_taken_for_what_it_tells() {
        let expect = |name: &str, keys: &[&str], license: &str, is_damaged| {
            let keys = keys.iter().map(|key| (*key).to_owned()).collect();
            (name.to_owned(), keys, license.to_owned(), is_damaged)
        };
        let json = r#"{"name": "a", "x": [[{}]], "keys": {"k": 1, "l": {}}, "license": "MIT"}"#;
        assert_eq!(seen(json), expect("a", &["k", "l"], "MIT", false));
        let json = r#"{"name": 7, "keys": ["k", 1, null, []], "license": [{"type": "MIT", "url": ""}, "ISC"]}"#;
        assert_eq!(seen(json), expect("7", &["k", "1"], "MIT OR ISC", false));
        let json =
            r#"{"name": {"a": 1}, "keys": false, "license": {"name": "BSD"}, "name": "last"}"#;
        assert_eq!(seen(json), expect("last", &[], "BSD", false));
        assert_eq!(seen("[1, {}]"), expect("", &[], "", false));
        assert_eq!(seen("3"), expect("", &[], "", false));
        assert_eq!(seen("\u{feff}{\"name\": \"a\"} trailing"), expect("a", &[], "", false));
    }

    #[test]
    fn what_stands_before_damage_is_kept() {
        assert_eq!(seen(r#"{"name": "a", "keys": ["#).0, "a");
        assert!(seen(r#"{"name": "a", "keys": ["#).3);
    }

    #[test]
    fn too_many_entries_are_told_of() {
        let mut seen = Seen::default();
        let json = format!("{{\"name\": \"a\", \"keys\": [{}1]}}", "1,".repeat(MAX_TEXTS));
        let warning = read(json.as_bytes(), &mut seen);
        assert_eq!(warning.as_deref(), Some("it has more entries than are read"));
        assert_eq!(seen.name.as_str(), "a");
    }

    #[test]
    fn deep_nesting_is_refused_or_passed_over() {
        let deep = |key: &str| format!("{{\"name\": \"a\", \"{key}\": {}", "[".repeat(1_000_000));
        assert!(seen(&deep("keys")).3);
        assert!(seen(&deep("license")).3);
        assert!(seen(&deep("other")).3);
    }
}

//! Form bodies with PHP's brackets, as the portal's queue servers send them; hostile until proved otherwise.
//!
//! Stricter than PHP on purpose: a doubled key, a key that is both a value and a level, an open
//! bracket, bytes that are no UTF-8 are refused instead of mended, because a mended token could be
//! another one than was meant.

use std::ops::Range;

use percent_encoding::percent_decode;

/// What a body may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The whole body.
    pub bytes: usize,
    /// `key=value` pairs.
    pub fields: usize,
    /// Levels of brackets.
    pub nesting: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 256 * 1024,
            fields: 200,
            nesting: 8,
        }
    }
}

/// Why a body is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormRefused {
    /// More bytes than allowed.
    #[error("the body is too large")]
    TooLarge,
    /// More fields than allowed.
    #[error("the body has too many fields")]
    TooManyFields,
    /// More levels of brackets than allowed.
    #[error("the body is nested too deeply")]
    TooDeep,
    /// The same key twice, or once as a value and once as a level.
    #[error("a key stands twice in the body")]
    DoubledKey,
    /// Brackets that do not close, or an empty name.
    #[error("a key of the body is malformed")]
    BadKey,
    /// Bytes that are no UTF-8.
    #[error("the body is no text")]
    NotText,
}

/// Values by their path; `auth[member_id]` is `auth` and `member_id` with a NUL between them, which no key has itself.
#[derive(Debug)]
pub(crate) struct Form {
    /// All paths and values, one behind the other: one text for the body, and none for each of its keys.
    text: String,
    /// In the order of their paths.
    fields: Vec<Field>,
}

/// Where in the text a field stands.
#[derive(Debug)]
struct Field {
    path: Range<usize>,
    value: Range<usize>,
}

const BETWEEN: char = '\0';

/// Fields for which there is room at once: most events have fewer.
const USUAL_FIELDS: usize = 16;

impl Form {
    /// Reads a whole body.
    pub(crate) fn parse(body: &[u8], limits: Limits) -> Result<Self, FormRefused> {
        if body.len() > limits.bytes {
            return Err(FormRefused::TooLarge);
        }
        let pairs = body
            .split(|byte| *byte == b'&')
            .filter(|pair| !pair.is_empty());
        // No path and no value is longer than what it is read from, so the text never grows.
        let mut form = Self {
            text: String::with_capacity(body.len()),
            fields: Vec::with_capacity(USUAL_FIELDS),
        };
        let mut unescaped = Vec::new();
        for (count, pair) in pairs.enumerate() {
            if count >= limits.fields {
                return Err(FormRefused::TooManyFields);
            }
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            let key = decoded(halves.next().unwrap_or_default(), &mut unescaped)?;
            let begin = form.text.len();
            let written = write_path(key, limits.nesting, &mut form.text);
            let middle = form.text.len();
            let value = decoded(halves.next().unwrap_or_default(), &mut unescaped)?;
            form.text.push_str(value);
            // Whether a pair is text is told before whether its key is one.
            written?;
            let end = form.text.len();
            form.put(begin..middle, middle..end)?;
        }
        if form.has_value_above_a_level() {
            return Err(FormRefused::DoubledKey);
        }
        Ok(form)
    }

    /// The value at a path.
    pub(crate) fn get(&self, path: &[&str]) -> Option<&str> {
        // Level by level the order is that of the whole paths: nothing is less than what is between.
        let place = self.fields.binary_search_by(|field| {
            let levels = self.part(&field.path).split(BETWEEN);
            levels.cmp(path.iter().copied())
        });
        let field = self.fields.get(place.ok()?)?;
        Some(self.part(&field.value))
    }

    /// A field at its place among the others.
    fn put(&mut self, path: Range<usize>, value: Range<usize>) -> Result<(), FormRefused> {
        let new = self.part(&path);
        let place = self
            .fields
            .binary_search_by(|field| self.part(&field.path).cmp(new));
        match place {
            Ok(_) => Err(FormRefused::DoubledKey),
            Err(place) => {
                self.fields.insert(place, Field { path, value });
                Ok(())
            }
        }
    }

    fn part(&self, place: &Range<usize>) -> &str {
        self.text.get(place.clone()).unwrap_or_default()
    }

    /// In their order the paths of a level come right after the level's own: nothing is less than what is between.
    fn has_value_above_a_level(&self) -> bool {
        self.fields.windows(2).any(|pair| {
            let [above, below] = pair else {
                return false;
            };
            let below = self.part(&below.path).strip_prefix(self.part(&above.path));
            below.is_some_and(|below| below.starts_with(BETWEEN))
        })
    }
}

/// What bytes of the body say: themselves, or what is written into `unescaped` where some of them are escaped.
fn decoded<'t>(bytes: &'t [u8], unescaped: &'t mut Vec<u8>) -> Result<&'t str, FormRefused> {
    let is_escaped = bytes.iter().any(|byte| matches!(byte, b'%' | b'+'));
    let said = if is_escaped {
        unescaped.clear();
        for (count, part) in bytes.split(|byte| *byte == b'+').enumerate() {
            if count > 0 {
                unescaped.push(b' ');
            }
            unescaped.extend(percent_decode(part));
        }
        unescaped.as_slice()
    } else {
        bytes
    };
    let text = std::str::from_utf8(said).map_err(|_| FormRefused::NotText)?;
    if text.contains(BETWEEN) {
        return Err(FormRefused::NotText);
    }
    Ok(text)
}

/// Writes the path that a key names behind the text.
fn write_path(key: &str, nesting: usize, text: &mut String) -> Result<(), FormRefused> {
    let (name, mut rest) = key.split_at(key.find('[').unwrap_or(key.len()));
    if name.is_empty() || name.contains(']') {
        return Err(FormRefused::BadKey);
    }
    text.push_str(name);
    let mut levels = 1;
    while !rest.is_empty() {
        let inner = rest.strip_prefix('[').ok_or(FormRefused::BadKey)?;
        let (part, tail) = inner.split_once(']').ok_or(FormRefused::BadKey)?;
        if part.contains('[') {
            return Err(FormRefused::BadKey);
        }
        text.push(BETWEEN);
        text.push_str(part);
        levels += 1;
        if levels > nesting {
            return Err(FormRefused::TooDeep);
        }
        rest = tail;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{BETWEEN, Form, FormRefused, Limits};
    use percent_encoding::percent_decode;
    use proptest::prelude::*;

    fn parse(body: &str) -> Result<Form, FormRefused> {
        Form::parse(body.as_bytes(), Limits::default())
    }

    /// Values by their levels.
    type Levels = BTreeMap<Vec<String>, String>;

    /// The same grammar, letter by letter and without care for what it costs.
    fn plainly(body: &[u8], limits: Limits) -> Result<Levels, FormRefused> {
        if body.len() > limits.bytes {
            return Err(FormRefused::TooLarge);
        }
        let mut values = Levels::new();
        let pairs = body.split(|byte| *byte == b'&');
        for (count, pair) in pairs.filter(|pair| !pair.is_empty()).enumerate() {
            if count >= limits.fields {
                return Err(FormRefused::TooManyFields);
            }
            let (key, value) = match pair.iter().position(|byte| *byte == b'=') {
                Some(place) => (&pair[..place], &pair[place + 1..]),
                None => (pair, &pair[pair.len()..]),
            };
            let (key, value) = (said(key)?, said(value)?);
            let levels = levels(&key, limits.nesting)?;
            if values.insert(levels, value).is_some() {
                return Err(FormRefused::DoubledKey);
            }
        }
        let is_above = |path: &Vec<String>| {
            let mut others = values.keys();
            others.any(|other| other.len() > path.len() && other.starts_with(path))
        };
        if values.keys().any(is_above) {
            return Err(FormRefused::DoubledKey);
        }
        Ok(values)
    }

    fn said(bytes: &[u8]) -> Result<String, FormRefused> {
        let blank = |byte: &u8| if *byte == b'+' { b' ' } else { *byte };
        let bytes: Vec<u8> = bytes.iter().map(blank).collect();
        match percent_decode(&bytes).decode_utf8() {
            Ok(text) if !text.contains('\0') => Ok(text.into_owned()),
            Ok(_) | Err(_) => Err(FormRefused::NotText),
        }
    }

    fn levels(key: &str, nesting: usize) -> Result<Vec<String>, FormRefused> {
        let (mut levels, mut level) = (Vec::new(), String::new());
        let (mut is_name, mut is_open) = (true, true);
        for letter in key.chars() {
            match (letter, is_name, is_open) {
                ('[', true, _) if !level.is_empty() => {
                    levels.push(std::mem::take(&mut level));
                    is_name = false;
                }
                ('[', false, false) => is_open = true,
                (']', false, true) => {
                    levels.push(std::mem::take(&mut level));
                    is_open = false;
                    if levels.len() > nesting {
                        return Err(FormRefused::TooDeep);
                    }
                }
                ('[' | ']', _, _) | (_, _, false) => return Err(FormRefused::BadKey),
                (letter, _, true) => level.push(letter),
            }
        }
        match (is_name, is_open) {
            (true, _) if !level.is_empty() => Ok(vec![level]),
            (false, false) => Ok(levels),
            _ => Err(FormRefused::BadKey),
        }
    }

    fn all(form: &Form) -> Levels {
        let of_field = |field: &super::Field| {
            let levels = form.part(&field.path).split(BETWEEN);
            let levels: Vec<String> = levels.map(str::to_owned).collect();
            (levels, form.part(&field.value).to_owned())
        };
        form.fields.iter().map(of_field).collect()
    }

    #[test]
    fn brackets_name_levels() {
        let form = parse(
            "event=ONCRMDEALADD&data[FIELDS][ID]=6641&auth%5Bmember_id%5D=a2%2B3+4&empty=&bare",
        )
        .unwrap();
        assert_eq!(form.get(&["data", "FIELDS", "ID"]), Some("6641"));
        assert_eq!(form.get(&["auth", "member_id"]), Some("a2+3 4"));
        assert_eq!(form.get(&["empty"]), Some(""));
        assert_eq!(form.get(&["bare"]), Some(""));
        assert_eq!(form.get(&["auth"]), None);
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        for (body, expected) in [
            ("a=1&a=2", FormRefused::DoubledKey),
            (
                "auth[application_token]=x&auth%5Bapplication_token%5D=y",
                FormRefused::DoubledKey,
            ),
            ("auth=1&auth[x]=2", FormRefused::DoubledKey),
            ("auth[x][y]=1&auth=2", FormRefused::DoubledKey),
            ("a[x][y]=1&a[x]=2&a[x!]=3&a!=4", FormRefused::DoubledKey),
            ("a[]=1&a=2", FormRefused::DoubledKey),
            ("a[=1", FormRefused::BadKey),
            ("a[b=1", FormRefused::BadKey),
            ("a[b]c=1", FormRefused::BadKey),
            ("a[b[c]]=1", FormRefused::BadKey),
            ("a]=1", FormRefused::BadKey),
            ("[a]=1", FormRefused::BadKey),
            ("=1", FormRefused::BadKey),
            ("a=%FF", FormRefused::NotText),
            ("a=%00", FormRefused::NotText),
            ("a[1][2][3][4][5][6][7][8]=1", FormRefused::TooDeep),
        ] {
            assert_eq!(parse(body).err(), Some(expected), "{body}");
        }
    }

    #[test]
    fn size_and_count_are_limited() {
        let many: Vec<String> = (0..201).map(|index| format!("k{index}=1")).collect();
        assert_eq!(
            parse(&many.join("&")).err(),
            Some(FormRefused::TooManyFields)
        );
        assert!(parse(&many[..200].join("&")).is_ok());
        assert_eq!(
            parse(&"a".repeat(256 * 1024 + 1)).err(),
            Some(FormRefused::TooLarge)
        );
    }

    proptest! {
        #[test]
        fn no_body_makes_it_panic(body in proptest::collection::vec(any::<u8>(), 0..400)) {
            drop(Form::parse(&body, Limits::default()));
        }

        #[test]
        fn no_text_of_its_own_alphabet_makes_it_panic(body in "[a\\[\\]=&%+0-9éЯ]{0,80}") {
            drop(Form::parse(body.as_bytes(), Limits::default()));
        }

        #[test]
        fn a_value_comes_back_as_it_was_encoded(value in "\\PC{0,40}") {
            let body = format!("a[b]={}", percent_encoding::utf8_percent_encode(&value, percent_encoding::NON_ALPHANUMERIC));
            let form = parse(&body).unwrap();
            prop_assert_eq!(form.get(&["a", "b"]), Some(value.as_str()));
        }

        #[test]
        fn any_bytes_are_read_as_the_grammar_says(body in proptest::collection::vec(any::<u8>(), 0..60)) {
            let read = Form::parse(&body, Limits::default()).map(|form| all(&form));
            prop_assert_eq!(read, plainly(&body, Limits::default()));
        }

        #[test]
        fn texts_of_its_own_alphabet_are_read_as_the_grammar_says(
            body in "([ab!é]?(\\[|%5B|\\]|%5D|[ab!é]|%FF|%00){0,6}=?(%41|%4|\\+|%2B|=|x|%C3%A9|%C3){0,4}&?){0,6}",
        ) {
            let read = parse(&body).map(|form| all(&form));
            prop_assert_eq!(read, plainly(body.as_bytes(), Limits::default()));
        }

        #[test]
        fn each_value_is_found_by_its_path_and_within_the_limits(
            body in "([ab!](\\[[ab!]?\\]){0,3}(=x|=%41|=\\+)?&){0,6}",
        ) {
            let limits = Limits { bytes: 60, fields: 4, nesting: 3 };
            let expected = plainly(body.as_bytes(), limits);
            let form = Form::parse(body.as_bytes(), limits);
            prop_assert_eq!(form.as_ref().map(all).map_err(|refused| *refused), expected.clone());
            if let (Ok(form), Ok(expected)) = (form, expected) {
                for (levels, value) in &expected {
                    let path: Vec<&str> = levels.iter().map(String::as_str).collect();
                    prop_assert_eq!(form.get(&path), Some(value.as_str()));
                    let below: Vec<&str> = path.iter().copied().chain([""]).collect();
                    prop_assert_eq!(form.get(&below), None);
                    let above = &path[..path.len() - 1];
                    prop_assert_eq!(form.get(above), None);
                }
            }
        }
    }
}

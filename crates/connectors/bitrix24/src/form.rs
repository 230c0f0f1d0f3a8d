//! Form bodies with PHP's brackets, as the portal's queue servers send them; hostile until proved otherwise.
//!
//! Stricter than PHP on purpose: a doubled key, a key that is both a value and a level, an open
//! bracket, bytes that are no UTF-8 are refused instead of mended, because a mended token could be
//! another one than was meant.

use std::borrow::Cow;
use std::collections::BTreeMap;

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
/// A value that stands in the body as it is read stays there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Form<'a>(BTreeMap<String, Cow<'a, str>>);

const BETWEEN: char = '\0';

impl<'a> Form<'a> {
    /// Reads a whole body.
    pub(crate) fn parse(body: &'a [u8], limits: Limits) -> Result<Self, FormRefused> {
        if body.len() > limits.bytes {
            return Err(FormRefused::TooLarge);
        }
        let pairs = body
            .split(|byte| *byte == b'&')
            .filter(|pair| !pair.is_empty());
        let mut values = BTreeMap::new();
        for (count, pair) in pairs.enumerate() {
            if count >= limits.fields {
                return Err(FormRefused::TooManyFields);
            }
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            let key = decoded(halves.next().unwrap_or_default())?;
            let value = decoded(halves.next().unwrap_or_default())?;
            let path = path(&key, limits.nesting)?;
            if values.insert(path, value).is_some() {
                return Err(FormRefused::DoubledKey);
            }
        }
        let form = Self(values);
        if form.has_value_above_a_level() {
            return Err(FormRefused::DoubledKey);
        }
        Ok(form)
    }

    /// The value at a path.
    pub(crate) fn get(&self, path: &[&str]) -> Option<&str> {
        let mut joined = String::with_capacity(40);
        for (place, part) in path.iter().enumerate() {
            if place > 0 {
                joined.push(BETWEEN);
            }
            joined.push_str(part);
        }
        self.0.get(&joined).map(|value| &**value)
    }

    /// In their order the paths of a level come right after the level's own: nothing is less than what is between.
    fn has_value_above_a_level(&self) -> bool {
        let follows = |(above, path): (&String, &String)| {
            let below = path.strip_prefix(above.as_str());
            below.is_some_and(|below| below.starts_with(BETWEEN))
        };
        self.0.keys().zip(self.0.keys().skip(1)).any(follows)
    }
}

fn decoded(bytes: &[u8]) -> Result<Cow<'_, str>, FormRefused> {
    let bytes = if bytes.contains(&b'+') {
        let blank = |byte: &u8| if *byte == b'+' { b' ' } else { *byte };
        Cow::Owned(bytes.iter().map(blank).collect())
    } else {
        Cow::Borrowed(bytes)
    };
    let text = match &bytes {
        Cow::Borrowed(bytes) => percent_decode(bytes).decode_utf8(),
        Cow::Owned(bytes) => percent_decode(bytes)
            .decode_utf8()
            .map(|text| Cow::Owned(text.into_owned())),
    };
    let text = text.map_err(|_| FormRefused::NotText)?;
    if text.contains('\0') {
        return Err(FormRefused::NotText);
    }
    Ok(text)
}

fn path(key: &str, nesting: usize) -> Result<String, FormRefused> {
    let (name, mut rest) = key.split_at(key.find('[').unwrap_or(key.len()));
    if name.is_empty() || name.contains(']') {
        return Err(FormRefused::BadKey);
    }
    let mut path = String::with_capacity(key.len());
    path.push_str(name);
    let mut levels = 1;
    while !rest.is_empty() {
        let inner = rest.strip_prefix('[').ok_or(FormRefused::BadKey)?;
        let (part, tail) = inner.split_once(']').ok_or(FormRefused::BadKey)?;
        if part.contains('[') {
            return Err(FormRefused::BadKey);
        }
        path.push(BETWEEN);
        path.push_str(part);
        levels += 1;
        if levels > nesting {
            return Err(FormRefused::TooDeep);
        }
        rest = tail;
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::{Form, FormRefused, Limits};
    use proptest::prelude::*;

    fn parse(body: &str) -> Result<Form<'_>, FormRefused> {
        Form::parse(body.as_bytes(), Limits::default())
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
            assert_eq!(parse(body), Err(expected), "{body}");
        }
    }

    #[test]
    fn size_and_count_are_limited() {
        let many: Vec<String> = (0..201).map(|index| format!("k{index}=1")).collect();
        assert_eq!(parse(&many.join("&")), Err(FormRefused::TooManyFields));
        assert!(parse(&many[..200].join("&")).is_ok());
        assert_eq!(
            parse(&"a".repeat(256 * 1024 + 1)),
            Err(FormRefused::TooLarge)
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
    }
}

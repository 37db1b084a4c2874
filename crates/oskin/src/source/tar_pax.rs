//! The records of a pax extended header, as far as they concern an entry.

use super::tar_sparse::PaxSparse;

/// The values that replace fields of the header that follows.
#[derive(Debug, Default)]
pub(super) struct Pax {
    pub(super) path: Option<Vec<u8>>,
    pub(super) link: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    pub(super) uid: Option<u64>,
    pub(super) gid: Option<u64>,
    pub(super) sparse: PaxSparse,
}

impl Pax {
    /// Reads `LENGTH KEY=VALUE\n` records; a value may hold any byte, a newline too.
    pub(super) fn parse(mut records: &[u8]) -> Result<Self, &'static str> {
        let mut pax = Self::default();
        // Some writers fill up with zeros.
        while records.first().is_some_and(|&byte| byte != 0) {
            let (record, rest) = split_record(records).ok_or("a pax record is malformed")?;
            records = rest;
            let equals = record.iter().position(|&byte| byte == b'=');
            let equals = equals.ok_or("a pax record has no `=`")?;
            pax.set(&record[..equals], &record[equals + 1..])?;
        }
        Ok(pax)
    }

    fn set(&mut self, key: &[u8], value: &[u8]) -> Result<(), &'static str> {
        match key {
            // An empty value takes back what a global header said.
            b"path" => self.path = (!value.is_empty()).then(|| value.to_vec()),
            b"linkpath" => self.link = (!value.is_empty()).then(|| value.to_vec()),
            b"size" => self.size = Some(decimal(value).ok_or("the pax size is no number")?),
            b"uid" => self.uid = decimal(value),
            b"gid" => self.gid = decimal(value),
            _ => {
                if let Some(key) = key.strip_prefix(b"GNU.sparse.") {
                    self.sparse.set(key, value)?;
                }
            }
        }
        Ok(())
    }
}

/// The text of the first record, without its newline, and what follows.
fn split_record(records: &[u8]) -> Option<(&[u8], &[u8])> {
    let space = records.iter().take(20).position(|&byte| byte == b' ')?;
    let length = usize::try_from(decimal(&records[..space])?).ok()?;
    let (record, rest) = records.split_at_checked(length)?;
    let text = record.strip_suffix(b"\n")?.get(space + 1..)?;
    Some((text, rest))
}

/// A number in decimal digits and nothing else.
pub(super) fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_may_hold_newlines_and_equal_signs() {
        let pax = Pax::parse(b"13 path=a\n=b\n13 uid=70000\n").unwrap();
        assert_eq!(pax.path.as_deref(), Some(&b"a\n=b"[..]));
        assert_eq!(pax.uid, Some(70000));
    }

    #[test]
    fn malformed_records_are_refused() {
        for records in [
            &b"path=a\n"[..],
            b"8 path=a\n",
            b"99 path=a\n",
            b"0 \n",
            b"3 \n",
            b"7 path\n",
            b"9 size=x\n",
        ] {
            assert!(Pax::parse(records).is_err(), "{:?}", records.escape_ascii().to_string());
        }
    }
}

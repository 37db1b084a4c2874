//! Users and groups of a root file system, by its files passwd(5) and group(5).

use std::collections::{BTreeMap, BTreeSet};

/// The file of the users.
pub const PASSWD: &[u8] = b"etc/passwd";

/// The file of the groups.
pub const GROUP: &[u8] = b"etc/group";

/// A user as passwd(5) has it, without password and real name. What is no UTF-8 is replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The number of the user.
    pub uid: u32,
    /// The number of the first group.
    pub gid: u32,
    /// The home directory.
    pub home: String,
    /// The program that is started at login; empty for /bin/sh.
    pub shell: String,
}

/// A group as group(5) has it, without password. What is no UTF-8 is replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The number of the group.
    pub gid: u32,
    /// The users that it has besides those whose first group it is.
    pub members: BTreeSet<String>,
}

/// The users of a file passwd by name. Of several lines of one name the first counts, as for getpwnam(3); lines that are
/// none of users are passed over. O(n log n).
pub fn accounts(passwd: &[u8]) -> BTreeMap<String, Account> {
    let mut all = BTreeMap::new();
    for fields in lines_of(passwd, 7) {
        if let (Some(uid), Some(gid)) = (number(fields[2]), number(fields[3])) {
            let [home, shell] = [text(fields[5]), text(fields[6])];
            all.entry(text(fields[0])).or_insert(Account { uid, gid, home, shell });
        }
    }
    all
}

/// The groups of a file group by name, as [`accounts`] reads users.
pub fn groups(group: &[u8]) -> BTreeMap<String, Group> {
    let mut all = BTreeMap::new();
    for fields in lines_of(group, 4) {
        if let Some(gid) = number(fields[2]) {
            let names = fields[3].split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
            let members = names.filter(|name| !name.is_empty()).map(text).collect();
            all.entry(text(fields[0])).or_insert(Group { gid, members });
        }
    }
    all
}

/// What is kept of the content of a file: all of it, but of users and groups neither passwords nor real names.
///
/// Old and small systems have their password hashes in these files, and catalogs are passed on.
pub fn kept_form(path: &[u8], content: &[u8]) -> Vec<u8> {
    let (fields, secret): (usize, &[usize]) = match path {
        PASSWD => (7, &[1, 4]),
        GROUP => (4, &[1]),
        _ => return content.to_vec(),
    };
    let mut kept = Vec::with_capacity(content.len());
    for mut line in lines_of(content, fields) {
        for at in secret {
            line[*at] = b"";
        }
        kept.extend(line.join(&b':'));
        kept.push(b'\n');
    }
    kept
}

/// The lines that have so many fields with colons between; comments are none.
fn lines_of(content: &[u8], fields: usize) -> impl Iterator<Item = Vec<&[u8]>> {
    let lines = content.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let split = |line| <[u8]>::split(line, |byte: &u8| *byte == b':').collect::<Vec<&[u8]>>();
    lines
        .map(split)
        .filter(move |line| line.len() == fields && !matches!(line[0].first(), None | Some(b'#')))
}

fn number(field: &[u8]) -> Option<u32> {
    std::str::from_utf8(field).ok()?.parse().ok()
}

fn text(field: &[u8]) -> String {
    String::from_utf8_lossy(field).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const USERS: &[u8] =
        b"root:$1$salt$hash:0:0:The Boss:/root:/bin/sh\n# a:x:1:1::/:\n+::::::\nshort:x:1:1\n\
        daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\nroot:x:5:5::/:/bin/false\nbad:x:-1:0::/:";

    #[test]
    fn users_are_read_by_name_and_the_first_line_counts() {
        let all = accounts(USERS);
        assert_eq!(all.keys().collect::<Vec<_>>(), ["daemon", "root"]);
        let root =
            Account { uid: 0, gid: 0, home: "/root".to_owned(), shell: "/bin/sh".to_owned() };
        assert_eq!(all["root"], root);
    }

    #[test]
    fn groups_have_members_in_any_order() {
        let all = groups(b"sudo:x:27:b,a\nwheel:!:10:\nnone:x\n");
        assert_eq!(all["sudo"], groups(b"sudo::27:a, b,")["sudo"]);
        assert_eq!((all.len(), all["wheel"].gid, all["wheel"].members.len()), (2, 10, 0));
    }

    #[test]
    fn neither_passwords_nor_real_names_are_kept() {
        let kept = kept_form(PASSWD, USERS);
        assert!(kept.starts_with(b"root::0:0::/root:/bin/sh\n"));
        let text = String::from_utf8(kept).unwrap();
        assert!(!text.contains("hash") && !text.contains("Boss") && !text.contains("short"));
        assert_eq!(kept_form(GROUP, b"sudo:$6$x:27:a\n"), b"sudo::27:a\n");
        assert_eq!(kept_form(b"etc/os-release", b"a:b:c:d"), b"a:b:c:d");
    }

    proptest! {
        #[test]
        fn what_is_kept_tells_the_same(lines in prop::collection::vec("[ab]{0,2}:[a:]{0,2}:[0-9x]{0,2}:[a,0-9]{0,3}(:g:[/h]{0,2}:s)?", 0..6)) {
            let content = lines.join("\n").into_bytes();
            for path in [PASSWD, GROUP] {
                let kept = kept_form(path, &content);
                prop_assert_eq!(&kept_form(path, &kept), &kept);
                if path == PASSWD {
                    prop_assert_eq!(accounts(&kept), accounts(&content));
                } else {
                    prop_assert_eq!(groups(&kept), groups(&content));
                }
            }
        }
    }
}

//! A tree of files that is to become a file system.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, lchown, symlink};
use std::path::{Path, PathBuf};

use crate::ImageError;

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// These bytes.
    Bytes(Vec<u8>),
    /// What a file of this machine holds.
    File(PathBuf),
}

/// What stands at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// A directory.
    Directory,
    /// A file.
    File(Content),
    /// A symbolic link.
    Link(PathBuf),
}

/// Whom a file belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The user.
    pub uid: u32,
    /// The group.
    pub gid: u32,
}

impl Owner {
    /// Root, as for all that nobody changes.
    pub const ROOT: Self = Self { uid: 0, gid: 0 };
}

/// A path's node, mode and owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub node: Node,
    /// Its permissions.
    pub mode: u32,
    /// Its owner.
    pub owner: Owner,
}

/// A tree of files, in the order of their paths, which are relative to its root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree(BTreeMap<PathBuf, Entry>);

impl Tree {
    /// Makes an empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts something at a path, in place of what is there. Directories above are root's.
    pub fn put(&mut self, path: impl AsRef<Path>, node: Node, mode: u32, owner: Owner) {
        let path = path.as_ref();
        let path = path.strip_prefix("/").unwrap_or(path);
        let above = path.ancestors().skip(1).filter(|above| !above.as_os_str().is_empty());
        for directory in above {
            self.0.entry(directory.to_owned()).or_insert(Entry {
                node: Node::Directory,
                mode: 0o755,
                owner: Owner::ROOT,
            });
        }
        self.0.insert(path.to_owned(), Entry { node, mode, owner });
    }

    /// Puts root's directory at a path.
    pub fn directory(&mut self, path: impl AsRef<Path>) {
        self.put(path, Node::Directory, 0o755, Owner::ROOT);
    }

    /// Puts root's file at a path.
    pub fn file(&mut self, path: impl AsRef<Path>, content: impl Into<Vec<u8>>) {
        self.put(path, Node::File(Content::Bytes(content.into())), 0o644, Owner::ROOT);
    }

    /// Puts a program or library at a path.
    pub fn program(&mut self, path: impl AsRef<Path>, from: impl Into<PathBuf>) {
        self.put(path, Node::File(Content::File(from.into())), 0o755, Owner::ROOT);
    }

    /// Puts a symbolic link at a path.
    pub fn link(&mut self, path: impl AsRef<Path>, target: impl Into<PathBuf>) {
        self.put(path, Node::Link(target.into()), 0o777, Owner::ROOT);
    }

    /// Returns what stands where, directories before what is in them.
    pub fn iter(&self) -> impl Iterator<Item = (&Path, &Entry)> {
        self.0.iter().map(|(path, entry)| (path.as_path(), entry))
    }

    /// Returns what stands at a path.
    pub fn get(&self, path: impl AsRef<Path>) -> Option<&Entry> {
        let path = path.as_ref();
        self.0.get(path.strip_prefix("/").unwrap_or(path))
    }

    /// Writes all of it below a directory, which root can do: files get their owners.
    ///
    /// # Errors
    /// [`ImageError::Io`].
    pub fn write_to(&self, root: &Path) -> Result<(), ImageError> {
        fs::create_dir_all(root).map_err(ImageError::io("make", root))?;
        for (path, entry) in self.iter() {
            let path = root.join(path);
            let written = match &entry.node {
                Node::Directory => fs::create_dir_all(&path),
                Node::File(Content::Bytes(bytes)) => fs::write(&path, bytes),
                Node::File(Content::File(from)) => fs::copy(from, &path).map(drop),
                Node::Link(target) => symlink(target, &path),
            };
            written.map_err(ImageError::io("write", &path))?;
            lchown(&path, Some(entry.owner.uid), Some(entry.owner.gid))
                .map_err(ImageError::io("change the owner of", &path))?;
            if !matches!(entry.node, Node::Link(_)) {
                // Behind the owner: changing that takes some of the permissions away.
                fs::set_permissions(&path, fs::Permissions::from_mode(entry.mode))
                    .map_err(ImageError::io("change the mode of", &path))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_come_before_what_is_in_them_and_keep_what_they_were_given() {
        let mut tree = Tree::new();
        let flink = Owner { uid: 9999, gid: 0 };
        tree.put("/opt/flink", Node::Directory, 0o775, flink);
        tree.file("/opt/flink/conf/config.yaml", "a: b\n");
        let paths: Vec<_> = tree.iter().map(|(path, _)| path.to_str().unwrap()).collect();
        assert_eq!(paths, ["opt", "opt/flink", "opt/flink/conf", "opt/flink/conf/config.yaml"]);
        assert_eq!(tree.get("/opt/flink").unwrap().owner, flink);
        assert_eq!(tree.get("opt/flink/conf").unwrap().owner, Owner::ROOT);
    }
}

//! A tree as a layer of an image: a compressed tar archive.

use std::fs::File;
use std::io::{self, Write};

use sciurus_package::Sha256Digest;
use sha2::{Digest, Sha256};
use tar::{Builder, EntryType, Header};
use zstd::Encoder;

use crate::ImageError;
use crate::tree::{Content, Entry, Node, Tree};

/// How hard it is compressed: as far as it still takes only seconds. gzip would need a quarter more.
const LEVEL: i32 = 19;

/// A layer, packed.
#[derive(Clone, Debug)]
pub struct Layer {
    /// The compressed archive.
    pub bytes: Vec<u8>,
    /// The hash of the archive before it was compressed.
    pub diff_id: Sha256Digest,
}

/// Packs a tree; `time` is when all its files were changed, in seconds since the epoch.
///
/// # Errors
/// [`ImageError::Io`] where a file of this machine can't be read.
pub fn pack(tree: &Tree, time: u64) -> Result<Layer, ImageError> {
    let failed = ImageError::io("pack", "the layer".as_ref());
    let compressed = Encoder::new(Vec::new(), LEVEL).map_err(failed)?;
    let mut archive = Builder::new(Hashing { hash: Sha256::new(), into: compressed });
    for (path, entry) in tree.iter() {
        let source = match &entry.node {
            Node::File(Content::File(source)) => source.as_path(),
            _ => path,
        };
        append(&mut archive, path, entry, time).map_err(ImageError::io("pack", source))?;
    }
    let finish = || {
        let Hashing { hash, into } = archive.into_inner()?;
        Ok(Layer { bytes: into.finish()?, diff_id: Sha256Digest(hash.finalize().into()) })
    };
    finish().map_err(ImageError::io("pack", "the layer".as_ref()))
}

fn append(
    archive: &mut Builder<impl Write>,
    path: &std::path::Path,
    entry: &Entry,
    time: u64,
) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_mode(entry.mode);
    header.set_uid(entry.owner.uid.into());
    header.set_gid(entry.owner.gid.into());
    header.set_mtime(time);
    match &entry.node {
        Node::Directory => {
            header.set_entry_type(EntryType::Directory);
            header.set_size(0);
            archive.append_data(&mut header, path.join(""), io::empty())
        }
        Node::Link(target) => {
            header.set_entry_type(EntryType::Symlink);
            header.set_size(0);
            archive.append_link(&mut header, path, target)
        }
        Node::File(Content::Bytes(bytes)) => {
            header.set_size(bytes.len() as u64);
            archive.append_data(&mut header, path, bytes.as_slice())
        }
        Node::File(Content::File(source)) => {
            let file = File::open(source)?;
            header.set_size(file.metadata()?.len());
            archive.append_data(&mut header, path, file)
        }
    }
}

/// Hashes what is written through it.
struct Hashing<W> {
    hash: Sha256,
    into: W,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.into.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.into.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Owner;

    #[test]
    fn a_layer_holds_the_tree_and_is_the_same_each_time() {
        let mut tree = Tree::new();
        tree.put("/tmp", Node::Directory, 0o1777, Owner::ROOT);
        tree.put("/opt/flink/log", Node::Directory, 0o775, Owner { uid: 9999, gid: 0 });
        tree.program("/bin/this", std::env::current_exe().unwrap());
        tree.link("/entry.sh", "bin/this");
        let layer = pack(&tree, 7).unwrap();
        assert_eq!(layer.bytes, pack(&tree, 7).unwrap().bytes);
        let plain = zstd::decode_all(layer.bytes.as_slice()).unwrap();
        assert_eq!(layer.diff_id.0, <[u8; 32]>::from(Sha256::digest(&plain)));
        let mut archive = tar::Archive::new(plain.as_slice());
        let entries: Vec<_> = archive
            .entries()
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let header = entry.header();
                assert_eq!(header.mtime().unwrap(), 7);
                let path = entry.path().unwrap().to_str().unwrap().to_owned();
                (path, header.mode().unwrap(), header.uid().unwrap(), header.entry_type())
            })
            .collect();
        let directory = |path: &str, mode, uid| (path.to_owned(), mode, uid, EntryType::Directory);
        assert_eq!(
            entries,
            [
                directory("bin/", 0o755, 0),
                ("bin/this".to_owned(), 0o755, 0, EntryType::Regular),
                ("entry.sh".to_owned(), 0o777, 0, EntryType::Symlink),
                directory("opt/", 0o755, 0),
                directory("opt/flink/", 0o755, 0),
                directory("opt/flink/log/", 0o775, 9999),
                directory("tmp/", 0o1777, 0),
            ]
        );
    }
}

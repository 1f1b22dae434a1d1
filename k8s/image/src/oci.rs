//! An image as an archive in OCI's layout, which containerd and Docker import.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::Path;

use oci_spec::image::{
    ANNOTATION_REF_NAME, Arch, Config, ConfigBuilder, Descriptor, DescriptorBuilder, Digest,
    HistoryBuilder, ImageConfigurationBuilder, ImageIndexBuilder, ImageManifestBuilder, MediaType,
    OciLayoutBuilder, Os, PlatformBuilder, RootFsBuilder,
};
use sciurus_package::Platform;
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tar::{Builder, Header};

use crate::ImageError;
use crate::flink::{HOME, USER};
use crate::layer::Layer;

/// The most that an image may weigh, compressed.
pub const MAX_BYTES: u64 = 25_000_000;

/// The annotation by which containerd knows an archive's image.
const CONTAINERD_NAME: &str = "io.containerd.image.name";

/// Where containerd and Docker say that images without a registry are.
const NO_REGISTRY: &str = "docker.io/library";

/// Ports that Flink's images declare: the JobManager's for TaskManagers, the REST API's.
const PORTS: [&str; 2] = ["6123/tcp", "8081/tcp"];

/// What an image is called.
#[derive(Clone, Debug)]
pub struct Name {
    /// The repository.
    pub repository: String,
    /// The tag.
    pub tag: String,
}

/// A layer, and how it came to be.
#[derive(Clone, Debug)]
pub struct NamedLayer {
    /// The layer.
    pub layer: Layer,
    /// What it is, for people.
    pub comment: &'static str,
}

/// Returns the archive of an image.
///
/// # Errors
/// [`ImageError::TooLarge`] beyond [`MAX_BYTES`].
pub fn archive(
    name: &Name,
    platform: &Platform,
    layers: &[NamedLayer],
) -> Result<Vec<u8>, ImageError> {
    let bytes = layers.iter().map(|named| named.layer.bytes.len() as u64).sum();
    if bytes > MAX_BYTES {
        return Err(ImageError::TooLarge { bytes, limit: MAX_BYTES });
    }
    let mut blobs = Blobs::default();
    let mut descriptors = Vec::new();
    for named in layers {
        let blob = blobs.put(named.layer.bytes.clone())?;
        descriptors.push(blob.descriptor(MediaType::ImageLayerZstd)?);
    }
    let architecture = match platform {
        platform if *platform == Platform::LINUX_ARM64 => Arch::ARM64,
        _ => Arch::Amd64,
    };
    let history = layers.iter().map(|named| {
        HistoryBuilder::default().created_by("sciurus-image").comment(named.comment).build()
    });
    let root = RootFsBuilder::default()
        .typ("layers")
        .diff_ids(layers.iter().map(|named| sha256(&named.layer.diff_id)).collect::<Vec<_>>())
        .build()?;
    let configuration = ImageConfigurationBuilder::default()
        .architecture(architecture.clone())
        .os(Os::Linux)
        .config(config(&name.tag)?)
        .rootfs(root)
        .history(history.collect::<Result<Vec<_>, _>>()?)
        .build()?;
    let configuration = blobs.put(json_bytes(&configuration)?)?;
    let manifest = ImageManifestBuilder::default()
        .schema_version(2_u32)
        .media_type(MediaType::ImageManifest)
        .config(configuration.descriptor(MediaType::ImageConfig)?)
        .layers(descriptors.clone())
        .build()?;
    let manifest = blobs.put(json_bytes(&manifest)?)?;
    let full_name = format!("{NO_REGISTRY}/{}:{}", name.repository, name.tag);
    let annotations = HashMap::from([
        (CONTAINERD_NAME.to_owned(), full_name),
        (ANNOTATION_REF_NAME.to_owned(), name.tag.clone()),
    ]);
    let described = DescriptorBuilder::default()
        .media_type(MediaType::ImageManifest)
        .digest(manifest.digest.clone())
        .size(manifest.size)
        .platform(PlatformBuilder::default().architecture(architecture).os(Os::Linux).build()?)
        .annotations(annotations)
        .build()?;
    let index = ImageIndexBuilder::default()
        .schema_version(2_u32)
        .media_type(MediaType::ImageIndex)
        .manifests(vec![described])
        .build()?;
    let layout = OciLayoutBuilder::default().image_layout_version("1.0.0").build()?;
    // What `docker load` reads where it doesn't know the layout.
    let for_docker = json!([{
        "Config": configuration.path(),
        "RepoTags": [format!("{}:{}", name.repository, name.tag)],
        "Layers": descriptors.iter().map(|layer| path_of(layer.digest())).collect::<Vec<_>>(),
    }]);
    let mut files = vec![
        ("oci-layout".to_owned(), json_bytes(&layout)?),
        ("index.json".to_owned(), json_bytes(&index)?),
        ("manifest.json".to_owned(), json_bytes(&for_docker)?),
    ];
    files.extend(blobs.0.into_iter().map(|(blob, bytes)| (blob.path(), bytes)));
    pack(&files).map_err(ImageError::io("pack", "the archive".as_ref()))
}

/// Writes an archive in place of what is there.
///
/// # Errors
/// [`ImageError::Io`].
pub fn write(archive: &[u8], path: &Path) -> Result<(), ImageError> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory).map_err(ImageError::io("make", directory))?;
    }
    let partial = path.with_extension("partial");
    fs::write(&partial, archive).map_err(ImageError::io("write", &partial))?;
    fs::rename(&partial, path).map_err(ImageError::io("write", path))
}

fn config(version: &str) -> Result<Config, ImageError> {
    let label =
        |key: &str, value: &str| (format!("org.opencontainers.image.{key}"), value.to_owned());
    let labels = HashMap::from([
        label("title", "Sciurus"),
        label("description", "Stream jobs in native code, where Flink's images run"),
        label("licenses", "Apache-2.0"),
        label("version", version),
    ]);
    let environment = vec![
        format!("PATH={HOME}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
        format!("FLINK_HOME={HOME}"),
    ];
    Ok(ConfigBuilder::default()
        .user(USER.uid.to_string())
        .exposed_ports(PORTS.map(str::to_owned).to_vec())
        .env(environment)
        .entrypoint(vec!["/docker-entrypoint.sh".to_owned()])
        .cmd(vec!["help".to_owned()])
        .working_dir(HOME)
        .labels(labels)
        .stop_signal("SIGTERM")
        .build()?)
}

/// A blob of the archive.
#[derive(Clone, Debug)]
struct Blob {
    digest: Digest,
    size: u64,
}

impl Blob {
    fn path(&self) -> String {
        path_of(&self.digest)
    }

    fn descriptor(&self, media_type: MediaType) -> Result<Descriptor, ImageError> {
        let descriptor = DescriptorBuilder::default()
            .media_type(media_type)
            .digest(self.digest.clone())
            .size(self.size)
            .build()?;
        Ok(descriptor)
    }
}

#[derive(Default)]
struct Blobs(Vec<(Blob, Vec<u8>)>);

impl Blobs {
    fn put(&mut self, bytes: Vec<u8>) -> Result<Blob, ImageError> {
        let hash = sciurus_package::Sha256Digest(Sha256::digest(&bytes).into());
        let blob = Blob { digest: Digest::try_from(sha256(&hash))?, size: bytes.len() as u64 };
        self.0.push((blob.clone(), bytes));
        Ok(blob)
    }
}

fn sha256(hash: &sciurus_package::Sha256Digest) -> String {
    format!("sha256:{hash}")
}

fn path_of(digest: &Digest) -> String {
    format!("blobs/{}/{}", digest.algorithm(), digest.digest())
}

/// Writes JSON with its keys in order, so that it is the same each time.
fn json_bytes(value: &impl Serialize) -> Result<Vec<u8>, ImageError> {
    let mut value: Value = serde_json::to_value(value)?;
    value.sort_all_objects();
    Ok(serde_json::to_vec(&value)?)
}

fn pack(files: &[(String, Vec<u8>)]) -> io::Result<Vec<u8>> {
    let mut archive = Builder::new(Vec::new());
    for (path, bytes) in files {
        let mut header = Header::new_gnu();
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(bytes.len() as u64);
        archive.append_data(&mut header, path, bytes.as_slice())?;
    }
    archive.into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer;
    use crate::tree::Tree;

    fn archive_of(text: &str) -> Vec<u8> {
        let mut tree = Tree::new();
        tree.file("/etc/text", text);
        let layers = [NamedLayer { layer: layer::pack(&tree, 0).unwrap(), comment: "a text" }];
        let name = Name { repository: "sciurus".to_owned(), tag: "1.2.3".to_owned() };
        archive(&name, &Platform::LINUX_ARM64, &layers).unwrap()
    }

    fn files(archive: &[u8]) -> HashMap<String, Vec<u8>> {
        let mut files = HashMap::new();
        for entry in tar::Archive::new(archive).entries().unwrap() {
            let mut entry = entry.unwrap();
            let path = entry.path().unwrap().to_str().unwrap().to_owned();
            let mut bytes = Vec::new();
            io::Read::read_to_end(&mut entry, &mut bytes).unwrap();
            files.insert(path, bytes);
        }
        files
    }

    #[test]
    fn an_archive_leads_from_its_index_to_its_layers() {
        let files = files(&archive_of("a"));
        let json = |path: &str| serde_json::from_slice::<Value>(&files[path]).unwrap();
        let blob = |descriptor: &Value| {
            let digest = descriptor["digest"].as_str().unwrap();
            let path = format!("blobs/{}", digest.replace(':', "/"));
            assert_eq!(files[&path].len() as u64, descriptor["size"].as_u64().unwrap());
            let hash = sciurus_package::Sha256Digest(Sha256::digest(&files[&path]).into());
            assert_eq!(digest, sha256(&hash));
            path
        };
        let manifest = &json("index.json")["manifests"][0];
        assert_eq!(manifest["annotations"][CONTAINERD_NAME], "docker.io/library/sciurus:1.2.3");
        assert_eq!(manifest["platform"]["architecture"], "arm64");
        let manifest = json(&blob(manifest));
        let configuration = json(&blob(&manifest["config"]));
        assert_eq!(configuration["config"]["User"], "9999");
        assert_eq!(configuration["config"]["Entrypoint"], json!(["/docker-entrypoint.sh"]));
        let layer = blob(&manifest["layers"][0]);
        assert_eq!(json("manifest.json")[0]["Layers"], json!([layer]));
        assert_eq!(configuration["rootfs"]["diff_ids"].as_array().unwrap().len(), 1);
        assert_eq!(json("oci-layout")["imageLayoutVersion"], "1.0.0");
    }

    #[test]
    fn the_same_files_give_the_same_archive() {
        let first = archive_of("a");
        for _ in 0..8 {
            assert!(first == archive_of("a"));
        }
        assert!(first != archive_of("b"));
    }

    #[test]
    fn an_image_that_is_too_large_is_refused() {
        let zeros = vec![0; usize::try_from(MAX_BYTES).unwrap() + 1];
        let layer = Layer { bytes: zeros, diff_id: sciurus_package::Sha256Digest([0; 32]) };
        let layers = [NamedLayer { layer, comment: "" }];
        let name = Name { repository: "sciurus".to_owned(), tag: "1".to_owned() };
        let error = archive(&name, &Platform::LINUX_AMD64, &layers).unwrap_err();
        assert!(matches!(error, ImageError::TooLarge { bytes, .. } if bytes == MAX_BYTES + 1));
    }

    #[test]
    fn the_dockerfile_has_the_same_settings() {
        let dockerfile = include_str!("../Dockerfile");
        let config = config("1").unwrap();
        let words = |words: &Option<Vec<String>>| serde_json::to_string(words).unwrap();
        let mut lines = vec![
            format!("USER {}", config.user().clone().unwrap()),
            format!("WORKDIR {}", config.working_dir().clone().unwrap()),
            format!("STOPSIGNAL {}", config.stop_signal().clone().unwrap()),
            format!("ENTRYPOINT {}", words(config.entrypoint())),
            format!("CMD {}", words(config.cmd())),
            format!("EXPOSE {}", PORTS.map(|port| port.trim_end_matches("/tcp")).join(" ")),
        ];
        lines.extend(config.env().iter().flatten().map(|variable| format!("ENV {variable}")));
        for line in lines {
            assert!(dockerfile.lines().any(|found| found == line), "{line}");
        }
    }
}

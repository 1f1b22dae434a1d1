//! Holds the generated code up to date with the `.proto` files.

use std::fs;
use std::path::Path;

const FILES: [&str; 3] =
    ["sciurus/v1/common.proto", "sciurus/v1/job.proto", "sciurus/v1/cluster.proto"];

#[test]
fn the_generated_code_is_that_of_the_proto_files() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let descriptors = protox::compile(FILES, [root.join("proto")]).unwrap();
    let out = tempfile::tempdir().unwrap();
    tonic_prost_build::configure()
        .bytes(".")
        .client_mod_attribute(".", "#[cfg(feature = \"grpc\")]")
        .server_mod_attribute(".", "#[cfg(feature = \"grpc\")]")
        .out_dir(out.path())
        .compile_fds(descriptors)
        .unwrap();
    let made = fs::read_to_string(out.path().join("sciurus.v1.rs")).unwrap();
    let committed = root.join("src/generated/sciurus.v1.rs");
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        fs::write(&committed, &made).unwrap();
    }
    let is_current = fs::read_to_string(&committed).is_ok_and(|committed| committed == made);
    assert!(
        is_current,
        "the .proto files have changed: run UPDATE_GENERATED=1 cargo test -p sciurus-rpc-codegen"
    );
}

//! What writing a file of state costs: CPU time, against a plain copy with the same checksum.
//!
//! `cargo run --release -p sciurus-checkpoint --example write_speed -- DIRECTORY [MB]`

#![allow(clippy::unwrap_used)]

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use sciurus_checkpoint::{Storage, StorageOptions};
use xxhash_rust::xxh3::Xxh3;

/// Nanoseconds for which this thread has run.
fn cpu_ns() -> u64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    stat.split(' ').next().unwrap().parse().unwrap()
}

fn show(what: &str, bytes: usize, ns: u64) {
    println!("{what:<40} {:>6.0} MB per CPU second", bytes as f64 / ns as f64 * 1e3);
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let directory = arguments.next().unwrap_or_else(|| ".".to_owned());
    let megabytes: usize = arguments.next().map_or(256, |text| text.parse().unwrap());
    let directory = std::path::absolute(Path::new(&directory)).unwrap();
    let data: Vec<u8> =
        (0..1 << 20).map(|i: u32| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let total = megabytes << 20;
    let storage = Storage::new(&StorageOptions::default());
    for chunk in [64, 4 << 10, 1 << 20] {
        println!("in pieces of {chunk} bytes");
        let path = directory.join("write-speed");
        let start = cpu_ns();
        let mut file = std::io::BufWriter::with_capacity(128 << 10, File::create(&path).unwrap());
        let mut checksum = Xxh3::new();
        for _ in 0..megabytes {
            for piece in data.chunks(chunk) {
                checksum.update(piece);
                file.write_all(piece).unwrap();
            }
        }
        drop(file);
        show("  copy and checksum", total, cpu_ns() - start);
        std::fs::remove_file(&path).unwrap();
        let start = cpu_ns();
        let mut writer = storage.create(&path.display().to_string()).unwrap();
        for _ in 0..megabytes {
            for piece in data.chunks(chunk) {
                writer.write_all(piece).unwrap();
            }
        }
        show("  StateWriter", total, cpu_ns() - start);
        let (start, wall) = (cpu_ns(), Instant::now());
        let written = writer.finish().unwrap();
        println!(
            "  making it durable: {} ms CPU, {} ms in all",
            (cpu_ns() - start) / 1_000_000,
            wall.elapsed().as_millis()
        );
        let start = cpu_ns();
        storage.verify(&written).unwrap();
        show("  reading and verifying", total, cpu_ns() - start);
        storage.delete(&written.url).unwrap();
    }
}

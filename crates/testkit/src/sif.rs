//! The Singularity Image Format around a squashfs file system.

/// Where descriptors begin, how many there are and how long each is.
const DESCRIPTORS: (u64, u64, u64) = (4096, 48, 585);

/// Where data begins.
const DATA: u64 = 36_864;

/// A SIF image for amd64 that holds nothing but this squashfs file system as its primary system
/// partition.
pub fn sif(squashfs: &[u8]) -> Vec<u8> {
    let (offset, total, length) = DESCRIPTORS;
    let size = squashfs.len() as u64;
    let mut file = padded(b"#!/usr/bin/env run-singularity\n", 32);
    file.extend(padded(b"SIF_MAGIC", 10));
    file.extend(b"01\x0002\0");
    file.extend([7; 16]);
    for number in [0, 0, total - 1, total, offset, total * length, DATA, size] {
        file.extend(number.to_le_bytes());
    }
    file.resize(4096, 0);
    file.extend(descriptor(size));
    file.resize(usize::try_from(DATA).unwrap_or(0), 0);
    file.extend(squashfs);
    file
}

/// The descriptor of the partition, with number and group 1.
fn descriptor(size: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(0x4004_u32.to_le_bytes());
    bytes.push(1);
    for number in [1, 0xf000_0001_u32, 0] {
        bytes.extend(number.to_le_bytes());
    }
    for number in [DATA, size, size, 0, 0, 0, 0] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.extend(padded(b"root", 128));
    let mut extra = Vec::new();
    // Squashfs, primary system partition.
    for number in [1_u32, 2] {
        extra.extend(number.to_le_bytes());
    }
    extra.extend(b"02\0");
    bytes.extend(padded(&extra, 384));
    bytes
}

fn padded(bytes: &[u8], length: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes.resize(length, 0);
    bytes
}

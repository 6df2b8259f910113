//! The binary: a thin skin over the library.

fn main() {}

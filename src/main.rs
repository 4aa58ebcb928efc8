//! The command line: everything it does is in [`burdock`].

fn main() {}

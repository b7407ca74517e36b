//! Any bytes, read as a format that the first of them chooses: every reader has its share.
#![no_main]

use libfuzzer_sys::fuzz_target;
use prefactor::preference::formats::{FORMATS, ReadOptions};

fuzz_target!(|bytes: Vec<u8>| {
    let Some((&choice, rest)) = bytes.split_first() else { return };
    let format = FORMATS[usize::from(choice) % FORMATS.len()];
    let options = ReadOptions::new().lenient(true).format(format.name()).expect("a name of its own");
    if let Ok(reader) = options.read(std::io::Cursor::new(rest.to_vec()), "in") {
        reader.for_each(drop);
    }
});

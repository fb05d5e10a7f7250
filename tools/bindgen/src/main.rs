//! Writes the JavaScript of a WebAssembly module: `wasm-bindgen --target web` alone, which is built in a
//! third of the time of `wasm-bindgen-cli` with its test runner and servers.
//!
//! Usage: `bindgen MODULE.wasm FOLDER NAME`

use std::env;
use std::error::Error;

use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [module, folder, name] = &arguments[..] else {
        return Err("usage: bindgen MODULE.wasm FOLDER NAME".into());
    };
    Bindgen::new()
        .input_path(module)
        .out_name(name)
        .web(true)?
        .typescript(true)
        // The page finds a module beside its script.
        .omit_default_module_path(false)
        .generate(folder)?;
    Ok(())
}

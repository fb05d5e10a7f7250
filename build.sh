#!/usr/bin/env bash
# Builds, serves and tests masklink. `./build.sh help` lists the commands.
set -euo pipefail
readonly CALLER="$PWD"
cd "$(dirname "${BASH_SOURCE[0]}")"

readonly TARGET="${CARGO_TARGET_DIR:-$PWD/target}"
readonly STAMPS="$TARGET/stamps"
readonly DIST="dist"
readonly WASM_TRIPLE="wasm32-unknown-unknown"
# WebAssembly modules, each the program and the feature of its name: those of the page, and that of
# measuring and testing it.
readonly PAGE_MODULES=(viewer workers explorer) ALL_MODULES=(viewer workers explorer workbench)
# Every browser with WebGPU, and ONNX Runtime itself, has SIMD. The modules name no folder of their builder.
CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS="-C target-feature=+simd128"
CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS+=" --remap-path-prefix=$HOME=~"
CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS+=" --remap-path-prefix=$PWD=masklink"
export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS

usage() {
    cat <<'TEXT'
./build.sh serve [--data DIR] [--port N]   set up, build; serve page and linking endpoint on 127.0.0.1
./build.sh test [FILTER]                   run all tests, native and in a headless browser
./build.sh setup                           install the tools for building, serving and testing
./build.sh engines                         install Firefox and WebKitGTK, whose tests are skipped else
./build.sh build                           build the page in dist/, without its index and precompressed files
./build.sh dist                            build all of dist/, for any static host; check sizes
./build.sh check                           check formatting, lints, types and documentation
./build.sh bench                           run the benchmarks, native and in the browser
./build.sh measure                         measure the models; compare with their cards
./build.sh fuzz [SECONDS]                  fuzz each parser of untrusted bytes for SECONDS, 60 by default
./build.sh size                            print the page's sizes and their budgets; fails if one is over
./build.sh clean                           remove everything that was built
./build.sh help                            print this text
TEXT
}

# ---------------------------------------------------------------- verbs

serve() {
    local port=8080 folder data=()
    while (($#)); do
        case "$1" in
            --port) port="${2:?--port needs a number}"; shift 2 ;;
            --data)
                folder=$(from_caller "${2:?--data needs a folder}")
                data=(--data "$folder")
                shift 2 ;;
            *) usage >&2; exit 2 ;;
        esac
    done
    setup_build
    build "${PAGE_MODULES[@]}"
    step "default index" publish_index
    exec "$(native_binary)" serve --root "$DIST" --index "$TARGET/index" --port "$port" \
        ${data[@]+"${data[@]}"}
}

build() {
    wasm_modules "$@"
    step "native binary" build_native
    page "$@"
}

wasm_modules() {
    local module
    for module in "$@"; do step "wasm module: $module" build_wasm "$module"; done
}

page() {
    step "page in $DIST/" node tools/dist.mjs "$DIST" "$TARGET/pkg" "$@"
    node tools/licenses.mjs "$DIST/licenses.txt" page
}

dist() {
    setup_build
    build "${ALL_MODULES[@]}"
    step "default index" publish_index
    step "precompressed files" node tools/precompress.mjs "$DIST" "$TARGET/precompressed"
    step "sizes" size
}

engines() {
    [[ -x /usr/bin/firefox-esr && -x /usr/bin/WebKitWebDriver && -x /usr/bin/Xvfb ]] && return
    debian_packages "firefox-esr webkit2gtk-driver xvfb" "the tests in other engines drive them"
}

run_tests() {
    setup_build
    setup_test
    start_compiling_tests
    wasm_modules "${ALL_MODULES[@]}"
    page "${ALL_MODULES[@]}"
    step "the rest of the native tests' build" finish_compiling_tests
    step "native tests and documentation examples" cargo test --quiet -- "$@"
    # Its own build of the program serves the browser's tests, so that no other is needed.
    export MASKLINK="$TARGET/debug/masklink"
    step "packs in other readers" pack_readers
    step "default index" publish_index
    step "browser tests" browser_tests "$@"
}

check() {
    setup_build
    setup_test
    step "formatting of the Rust" cargo fmt --check
    step "formatting of the JavaScript" npx --no-install prettier --check --log-level warn \
        "www/**/*.{js,css,html}" "tests/**/*.mjs" "benches/*.mjs" "tools/**/*.mjs"
    step "lints, native" cargo clippy --quiet --all-targets -- -D warnings
    step "lints, no GPU" cargo clippy --quiet --no-default-features --features cli -- -D warnings
    local module
    for module in "${ALL_MODULES[@]}"; do step "lints, wasm module $module" check_wasm "$module"; done
    step "documentation" env RUSTDOCFLAGS="-D warnings" cargo doc --quiet --no-deps --document-private-items
    start_compiling_tests
    step "Python" check_python
    wasm_modules "${ALL_MODULES[@]}"
    step "types of the JavaScript" npx --no-install tsc -p www/jsconfig.json
    page "${ALL_MODULES[@]}"
    step "sizes of the page" size
    step "the rest of the native tests' build" finish_compiling_tests
    step "rules of the sources" cargo test --quiet --test native tidy
}

# The native tests compile beside the WebAssembly modules, whose last step uses one core alone.
start_compiling_tests() {
    cargo test --quiet --no-run >"$STAMPS/tests.log" 2>&1 &
    compiling=$!
    trap 'kill "$compiling" 2>/dev/null || true' EXIT
}
finish_compiling_tests() { wait "$compiling" || die "$(cat "$STAMPS/tests.log")"; }

bench() {
    setup_build
    setup_test
    build "${ALL_MODULES[@]}"
    step "default index" publish_index
    step "native benchmarks" cargo bench
    local file
    for file in benches/*.mjs; do step "$file" node "$file"; done
}

# Each reads the figures that the cards state and fails where the models do something else.
measure() {
    setup_build
    step "models on the sample images" cargo test --quiet --test measure -- --nocapture
}

fuzz() {
    local seconds="${1:-60}" target name
    need cargo "install Rust: see rustup.rs"
    if [[ ! -x $TARGET/tools/bin/cargo-fuzz ]]; then
        step "cargo-fuzz" cargo install --quiet --root "$TARGET/tools" \
            --target-dir "$TARGET/tools/build" cargo-fuzz
    fi
    for target in tests/fuzz/fuzz_targets/*.rs; do
        name=$(basename "$target" .rs)
        mkdir -p "$TARGET/fuzz/corpus/$name"
        # A stable compiler accepts the flags of the sanitizer and of the coverage counters only
        # with RUSTC_BOOTSTRAP.
        step "fuzzing: $name" env RUSTC_BOOTSTRAP=1 PATH="$TARGET/tools/bin:$PATH" \
            cargo fuzz run --fuzz-dir tests/fuzz --target-dir "$TARGET/fuzz" \
            "$name" "$TARGET/fuzz/corpus/$name" "tests/fuzz/seeds/$name" -- \
            -max_total_time="$seconds" -timeout=10 -print_final_stats=1
    done
}

size() {
    [[ -f $DIST/index.html ]] || die "no $DIST/ yet: run ./build.sh build first"
    node tools/size.mjs "$DIST"
    if grep -qF -e "$HOME/" -e "$PWD/" "$DIST"/assets/*.wasm; then
        die "a module names a folder of this machine"
    fi
}

clean() {
    rm -rf "$DIST" "$TARGET" node_modules
}

# ---------------------------------------------------------------- steps

# build_wasm MODULE: pkg/MODULE.js and pkg/MODULE_bg.wasm, optimised.
build_wasm() {
    local module="$1" built="$TARGET/$WASM_TRIPLE/wasm/$1.wasm"
    local inputs=("$built" Cargo.lock package-lock.json build.sh tools/bindgen/src/main.rs)
    wasm_cargo build --quiet --bin "$module" --profile wasm --no-default-features --features "$module"
    if fresh "wasm-$module" "${inputs[@]}"; then return; fi
    unmark "wasm-$module"
    "$TARGET/tools/build/debug/bindgen" "$built" "$TARGET/pkg" "$module"
    node_modules/.bin/wasm-opt -O3 --gufa --strip-debug --strip-producers \
        --enable-bulk-memory --enable-nontrapping-float-to-int --enable-sign-ext --enable-mutable-globals \
        --enable-reference-types --enable-multivalue --enable-simd \
        "$TARGET/pkg/${module}_bg.wasm" -o "$TARGET/pkg/${module}_bg.wasm"
    mark "wasm-$module" "${inputs[@]}"
}

# The server without the GPU renderer, which only tests and benchmarks use natively.
build_native() {
    cargo build --quiet --release --no-default-features --features cli
    node tools/licenses.mjs "$TARGET/release/licenses.txt" binary
}

native_binary() { echo "${MASKLINK:-$TARGET/release/masklink}"; }

default_index() {
    # Any build of the same sources makes the same index.
    # shellcheck disable=SC2207
    local inputs=(www/samples/annotations.json www/samples/images/*.jpg www/models/*.json* www/models/*.onnx
        www/models/kinds.safetensors $(find src Cargo.lock -type f | LC_ALL=C sort))
    if fresh index "${inputs[@]}" && [[ -d $TARGET/index ]]; then return; fi
    unmark index
    # Only the train images: what the page shows of the others is a question to the index and not a look-up.
    # The calibration was fitted with photographs that are not here (www/models/README.md).
    "$(native_binary)" index --annotations www/samples/annotations.json --images www/samples/images \
        --image-url 'samples/images/{file}' --split entity_train_seen --split query_train_seen \
        --source 'the sample world' --prototypes www/models/kinds.jsonl \
        --calibration www/models/link-calibration.json \
        --encoder www/models/link-encoder.json -o "$TARGET/index"
    mark index "${inputs[@]}"
}

# Beside the page, for pages without an endpoint.
publish_index() {
    default_index
    # Ours has the hash of its header beside it; one that somebody else put there stays.
    if [[ -f $DIST/index/index.json ]] &&
        ! (cd "$DIST/index" && sha256sum --check --status index.json.sha256 2>/dev/null); then
        printf '    %s\n' "$DIST/index is not the samples' and is left as it is; remove it to have theirs"
        return
    fi
    rm -rf "$DIST/index"
    mkdir -p "$DIST/index"
    cp -r "$TARGET/index/." "$DIST/index/"
    (cd "$DIST/index" && sha256sum index.json >index.json.sha256)
}

browser_tests() {
    local pattern=()
    if (($#)); then pattern=(--test-name-pattern "$1"); fi
    # A failed test may leave a server open, which would keep its file's process; no file takes 15 minutes.
    node --test --test-concurrency=1 --test-force-exit --test-timeout=900000 \
        ${pattern[@]+"${pattern[@]}"} tests/browser/*.test.mjs
}

# pyarrow, pandas, DuckDB and pycocotools read what `masklink pack` writes.
pack_readers() {
    local venv="$TARGET/tools/pack-python" work="$TARGET/pack-readers"
    if ! fresh pack-python tools/requirements-pack.txt; then
        unmark pack-python
        python3 -m venv "$venv"
        "$venv/bin/pip" install --quiet --disable-pip-version-check -r tools/requirements-pack.txt
        mark pack-python tools/requirements-pack.txt
    fi
    rm -rf "$work"
    mkdir -p "$work"
    "$MASKLINK" synth --annotations 2000 --faults 0.1 -o "$work/made.json" 2>/dev/null
    "$MASKLINK" pack --annotations "$work/made.json" -o "$work/pack" 2>/dev/null
    "$venv/bin/python" tools/check_pack.py "$work/pack" "$work/made.json"
}

check_wasm() {
    # Clippy where its own toolchain has the target. Where only Debian's compiler has it, that
    # compiler's warnings on the page's own build, which cargo repeats from its cache.
    local features=(--no-default-features --features "$1")
    if [[ $(wasm_toolchain) == rustup ]]; then
        cargo clippy --quiet --lib --bin "$1" --target $WASM_TRIPLE "${features[@]}" -- -D warnings
    else
        local said
        said=$(wasm_cargo build --quiet --bin "$1" --profile wasm "${features[@]}" 2>&1) || die "$said"
        [[ $said != *warning* ]] || die "$said"
    fi
}

check_python() {
    local venv="$TARGET/tools/python"
    if ! fresh python tools/requirements-check.txt; then
        unmark python
        python3 -m venv "$venv"
        "$venv/bin/pip" install --quiet --disable-pip-version-check -r tools/requirements-check.txt
        mark python tools/requirements-check.txt
    fi
    "$venv/bin/hadolint" tools/deploy/Dockerfile
    "$venv/bin/ruff" format --check --quiet tools
    "$venv/bin/ruff" check --quiet tools
    (cd tools && "$venv/bin/mypy" --no-error-summary --config-file training/pyproject.toml -p training)
    (cd tools && "$venv/bin/mypy" --no-error-summary --config-file mypy.ini ./*.py)
    (cd tools/sample_world && "$venv/bin/mypy" --no-error-summary --config-file ../mypy.ini ./*.py ./*/*.py)
    "$venv/bin/python" tools/sample_world/test_annotations.py
}

# ---------------------------------------------------------------- what must be there

setup_build() {
    need cargo "install Rust: see rustup.rs"
    need node "install Node.js 20.14 or newer"
    node -e '
        const [major, minor] = process.versions.node.split(".").map(Number);
        process.exit(major > 20 || (major === 20 && minor >= 14) ? 0 : 1);
    ' ||
        die "Node.js $(node --version) is too old: install 20.14 or newer"
    need npm "install npm, it comes with Node.js"
    need cc "apt-get install gcc libc6-dev"
    if ! fresh npm package-lock.json .npmrc || [[ ! -d node_modules ]]; then
        unmark npm
        step "npm packages" npm ci --loglevel=error
        mark npm package-lock.json .npmrc
    fi
    if [[ $(wasm_toolchain) == none ]]; then step "Rust's wasm target" install_wasm_target; fi
    local version
    version=$(wasm_bindgen_version)
    grep -q "\"=$version\"" tools/bindgen/Cargo.toml ||
        die "tools/bindgen must use wasm-bindgen $version, as Cargo.lock does"
    step "bindgen, for the wasm modules" cargo build --quiet --locked \
        --manifest-path tools/bindgen/Cargo.toml --target-dir "$TARGET/tools/build"
}

setup_test() {
    [[ -n ${CHROMIUM:-} ]] || CHROMIUM=$(find_chromium)
    if [[ -z $CHROMIUM ]]; then
        debian_packages chromium "or set CHROMIUM to a Chromium or Chrome"
        CHROMIUM=$(find_chromium)
    fi
    export CHROMIUM
    # A software Vulkan driver lets the GPU code run natively on a machine without a GPU.
    if is_debian && ! compgen -G "/usr/share/vulkan/icd.d/*.json" >/dev/null; then
        debian_packages "mesa-vulkan-drivers libvulkan1" "the native GPU tests need a Vulkan driver"
    fi
    need python3 "apt-get install python3 python3-venv"
}

find_chromium() { command -v chromium || command -v chromium-browser || command -v google-chrome || true; }

install_wasm_target() {
    if command -v rustup >/dev/null &&
        timeout 120 rustup target add $WASM_TRIPLE >"$STAMPS/rustup.log" 2>&1; then return; fi
    is_debian ||
        die "no $WASM_TRIPLE target: run 'rustup target add $WASM_TRIPLE' (its output: $STAMPS/rustup.log)"
    debian_packages "rustc-web cargo-web rust-web-src" "rustup could not download the $WASM_TRIPLE target"
}

# Which compiler has the wasm target: rustup's, Debian's (with the standard library built from
# source), or none.
wasm_toolchain() {
    if [[ -d "$(rustc --print target-libdir --target $WASM_TRIPLE 2>/dev/null)" ]]; then echo rustup
    elif compgen -G "/usr/src/rustc-*/library/std" >/dev/null && [[ -x /usr/bin/cargo ]]; then echo debian
    else echo none; fi
}

wasm_cargo() {
    local verb="$1"; shift
    if [[ $(wasm_toolchain) == rustup ]]; then
        cargo "$verb" --target $WASM_TRIPLE "$@"
    else
        RUSTC_BOOTSTRAP=1 RUSTC=/usr/bin/rustc CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER="$(wasm_linker)" \
            /usr/bin/cargo "$verb" --target $WASM_TRIPLE -Z build-std=std,panic_abort "$@"
    fi
}

wasm_linker() {
    local found
    found=$(compgen -G "$(rustc --print sysroot)/lib/rustlib/*/bin/rust-lld" | head -n 1 || true)
    [[ -n $found ]] || found=$(command -v rust-lld || command -v wasm-ld || true)
    [[ -n $found ]] || die "no linker for wasm: apt-get install lld"
    echo "$found"
}

wasm_bindgen_version() {
    awk '$3 == "\"wasm-bindgen\"" { getline; gsub(/"/, "", $3); print $3 }' Cargo.lock
}

is_debian() { [[ -r /etc/debian_version ]] && command -v apt-get >/dev/null; }

# debian_packages "NAME…" WHY: installs them as root, else names the command.
debian_packages() {
    local packages why="$2"
    read -ra packages <<<"$1"
    if is_debian && [[ $EUID == 0 ]]; then
        step "Debian packages: $1" install_debian_packages "${packages[@]}"
    else
        die "missing: $1 ($why). Run: sudo apt-get install ${packages[*]}"
    fi
}

install_debian_packages() {
    export DEBIAN_FRONTEND=noninteractive
    apt-get install -y -qq --no-install-recommends "$@" >"$STAMPS/apt.log" 2>&1 ||
        { apt-get update -qq &&
            apt-get install -y -qq --no-install-recommends "$@"; } >>"$STAMPS/apt.log" 2>&1 ||
        die "apt-get failed, its output is in $STAMPS/apt.log"
}

# ---------------------------------------------------------------- small things

# step LABEL COMMAND…: runs it and says how long it took.
step() {
    local label="$1" started=$SECONDS
    shift
    printf '==> %s\n' "$label"
    "$@"
    printf '    %s: %d s\n' "$label" $((SECONDS - started))
}

# fresh NAME FILES…: whether these files are what they were when `mark NAME FILES…` was last called.
fresh() { [[ "$(cat "$STAMPS/$1" 2>/dev/null)" == "$(digest "${@:2}")" ]]; }
# unmark NAME: call it before the work that `mark NAME` ends, so that what is left when it is
# interrupted is made again.
unmark() { rm -f "$STAMPS/$1"; }
mark() { digest "${@:2}" >"$STAMPS/$1"; }
digest() { cat -- "$@" | sha256sum; }

# from_caller FOLDER: where a folder is that was named where the script was called.
from_caller() { (cd "$CALLER" && cd -- "$1" >/dev/null 2>&1 && pwd) || die "there is no folder $1"; }
need() { command -v "$1" >/dev/null || die "$1 is missing: $2"; }
die() { printf 'build.sh: %s\n' "$1" >&2; exit 1; }

mkdir -p "$STAMPS"
case "${1:-help}" in
    serve) shift; serve "$@" ;;
    test) shift; run_tests "$@" ;;
    setup) setup_build; setup_test ;;
    build) setup_build; build "${PAGE_MODULES[@]}" ;;
    fuzz) shift; fuzz "$@" ;;
    dist | check | engines | bench | measure | size | clean) "$1" ;;
    help | -h | --help) usage ;;
    *) usage >&2; exit 2 ;;
esac

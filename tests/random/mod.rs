//! Random histories in the native format, by seed.

/// SplitMix64: small, and the same everywhere.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Random(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}

/// A history; two of three keep to what a format can hold.
#[allow(dead_code, reason = "not every test binary that shares this module wants histories")]
pub fn native(seed: u64, format: &str) -> String {
    let mut random = Random::new(seed);
    let fits = !random.one_in(3);
    let plume = format == "plume" && fits;
    let jepsen = format.starts_with("jepsen") && fits;
    let mut text = String::new();
    if !jepsen && random.one_in(3) {
        text.push_str(match (plume, random.below(3)) {
            (true, _) => "{\"testimony\":1,\"initial\":0}\n",
            (_, 0) => "{\"testimony\":1,\"about\":\"a \\\"test\\\"\"}\n",
            (_, 1) => "{\"testimony\":1,\"initial\":[[0,7],[\"k1\",[]]]}\n",
            (_, _) => "{\"testimony\":1,\"initial\":\"none\",\"about\":\"\"}\n",
        });
    }
    // No times, all of them, or some.
    let times = if plume { 0 } else { random.below(3) };
    let mut clocks = [0usize; 4];
    for _ in 0..1 + random.below(12) {
        let session = random.below(4);
        let mut fields = vec![match (fits, session) {
            (false, 3) => "\"session\":\"alice\"".to_owned(),
            (true, 3) if jepsen => "\"session\":-3".to_owned(),
            _ => format!("\"session\":{session}"),
        }];
        let failed = random.one_in(6);
        let info = !plume && !failed && random.one_in(5);
        let operations = match random.below(6) {
            0 if !plume => 0,
            1 if !(plume && failed) => 2 + random.below(3),
            _ => 1,
        };
        let several = operations != 1;
        let ops: Vec<String> = (0..operations).map(|_| operation(&mut random, plume, several && jepsen)).collect();
        if several {
            let ops: Vec<String> = ops.iter().map(|op| format!("{{{op}}}")).collect();
            fields.push(format!("\"txn\":[{}]", ops.join(",")));
        } else {
            fields.push(ops[0].clone());
        }
        if failed || info {
            fields.push(format!("\"status\":\"{}\"", if failed { "fail" } else { "info" }));
        }
        clocks[session] += random.below(4);
        let invoked = clocks[session];
        clocks[session] += random.below(4);
        let some = |random: &mut Random| times == 1 || times == 2 && random.one_in(2);
        if some(&mut random) {
            fields.push(format!("\"invoke_ns\":{invoked}"));
        }
        if some(&mut random) && !(info && random.one_in(2)) {
            fields.push(format!("\"complete_ns\":{}", clocks[session]));
        }
        if !plume && random.one_in(4) {
            fields.push("\"node\":\"replica \\\"1\\\"\"".to_owned());
        }
        if !plume && random.one_in(4) {
            fields.push(format!("\"error\":{}", ["\"time\\nout\"", "{\"code\":[7,null],\"why\":\"x\"}", "408"][random.below(3)]));
        }
        text.push_str(&format!("{{{}}}\n", fields.join(",")));
    }
    // At least one operation.
    text.push_str("{\"session\":0,\"op\":\"write\",\"key\":0,\"value\":1}\n");
    text
}

/// The fields of an operation. The type of a key follows from its number.
fn operation(random: &mut Random, plume: bool, plain: bool) -> String {
    let number = if plume { 4 * random.below(2) } else { random.below(9) };
    let key = match number {
        8 => "null".to_owned(),
        n if !plume && n % 2 == 1 => format!("\"k{n}\""),
        n => n.to_string(),
    };
    let small = |random: &mut Random| (1 + random.below(5)).to_string();
    let any = |random: &mut Random| if plume { (1 + random.below(5)).to_string() } else { value(random, 3) };
    let list = |random: &mut Random| format!("[{}]", (0..random.below(3)).map(|i| i.to_string()).collect::<Vec<_>>().join(","));
    let (op, value) = match (number % 4, random.below(5)) {
        (1 | 2, 0 | 1) => ("read", list(random)),
        (3, 0 | 1) => ("read", small(random)),
        (_, 0) => ("read", if plume { any(random) } else { "null".to_owned() }),
        (0, 1) => ("read", any(random)),
        (0, 2) if !plume => {
            let version = if plain || random.one_in(2) { "" } else { ",\"version\":12" };
            return format!("\"op\":\"cas\",\"key\":{key},\"from\":{},\"to\":{}{version}", any(random), any(random));
        }
        (0, _) => ("write", any(random)),
        (1, _) => ("append", small(random)),
        (2, 2) => ("remove", small(random)),
        (2, _) => ("add", small(random)),
        (_, 2) => ("decrement", small(random)),
        (_, _) => ("increment", small(random)),
    };
    let version =
        if plume || plain || !random.one_in(4) { "" } else { ",\"version\":\"170141183460469231731687303715884105727\"" };
    let is_final = if !plume && !plain && op == "read" && random.one_in(4) { ",\"final\":true" } else { "" };
    format!("\"op\":\"{op}\",\"key\":{key},\"value\":{value}{version}{is_final}")
}

/// Any JSON.
fn value(random: &mut Random, depth: usize) -> String {
    let scalars = [
        "null",
        "true",
        "0",
        "7",
        "-7",
        "1.0",
        "-0.0",
        "1e300",
        "2147483648",
        "-170141183460469231731687303715884105728",
        "\"\"",
        "\"7\"",
        "\":x\"",
        "\"nil\"",
        "\"a\\\"b\\\\c\\n\\t\\u0000é😀\"",
    ];
    match random.below(if depth == 0 { 8 } else { 12 }) {
        8 | 9 => format!("[{}]", (0..random.below(3)).map(|_| value(random, depth - 1)).collect::<Vec<_>>().join(",")),
        10 | 11 => {
            let entries = (0..random.below(3)).map(|i| format!("\"k{i}\":{}", value(random, depth - 1)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(","))
        }
        _ => scalars[random.below(scalars.len())].to_owned(),
    }
}

//! Formats from outside: *accepted and refused* (each clause and each message of the formats' descriptions), *round trip* (what is
//! written is read back as the same history).

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use testimony::{
    format::{FORMATS, ReadError, ReadOptions, WriteError, find, read},
    history::{DataType, History, HistoryBuilder, KeyId, Kind, OpInput, Status, TxnId, TxnInput, ValueId},
};

fn options(format: &str) -> ReadOptions {
    ReadOptions { format: Some(find(format).expect("a format")), ..ReadOptions::default() }
}

fn history(format: &str, text: &str) -> History {
    match read(text.as_bytes(), &options(format)) {
        Ok(recording) => recording.history,
        Err(error) => panic!("{}\n{text}", shown(&error)),
    }
}

/// `line:column: message`, with `-` for what is not known.
fn shown(error: &ReadError) -> String {
    let number = |n: Option<u64>| n.map_or("-".to_owned(), |n| n.to_string());
    format!("{}:{}: {}", number(error.line), number(error.column), error.message)
}

fn refused(format: &str, text: &str) -> String {
    match read(text.as_bytes(), &options(format)) {
        Ok(recording) => panic!("read as {} operations: {text}", recording.history.operations()),
        Err(error) => shown(&error),
    }
}

/// One line an operation: line, session, status, kind, key, values, and what else is recorded.
fn told(history: &History) -> Vec<String> {
    let value = |value| history.value_text(value);
    let tell = |op| {
        let txn = history.txn(op);
        let mut text = format!(
            "{} t{} {} {} {} {}",
            history.line(op),
            txn.index(),
            value(history.session_name(history.session(op))),
            history.txn_status(txn).name(),
            history.kind(op).name(),
            value(history.key_name(history.key(op))),
        );
        for (name, shown) in [
            ("", history.read_value(op).map(value)),
            (">", history.written_value(op).map(value)),
            ("i", history.invoked(txn).map(|time| time.to_string())),
            ("c", history.completed(txn).map(|time| time.to_string())),
            ("n", history.node(txn).map(|node| value(history.node_name(node)))),
            ("v", history.version(op).map(|version| version.to_string())),
            ("final", history.is_final(op).then(String::new)),
            ("e", history.error(txn).map(str::to_owned)),
        ] {
            if let Some(shown) = shown {
                write!(text, " {name}{shown}").unwrap();
            }
        }
        text
    };
    history.ops().map(tell).collect()
}

fn written(history: &History, format: &str, lossy: bool) -> Result<String, WriteError> {
    let mut out = Vec::new();
    find(format).expect("a format").write(history, lossy, &mut out)?;
    Ok(String::from_utf8(out).expect("formats are text"))
}

// The native format.

#[test]
fn native_fields_are_read() {
    let text = r#"{"testimony":1,"initial":{"x":0},"about":"a test","else":[1]}
{"session":"alice","node":"replica-1","op":"write","key":"photo","value":"v2","invoke_ns":120,"complete_ns":340,"status":"ok","version":41}

{"session":7,"op":"read","key":1,"value":[1,"a"],"final":true,"version":"0042","node":null,"invoke_ns":null,"unknown":{"op":[[[]]]}}
{"session":"bob","txn":[{"op":"read","key":"x","value":null},{"op":"append","key":"y","value":3,"version":5}],"status":"info","invoke_ns":400,"error":{"code": 7}}
{"session":"bob","op":"cas","key":"x","from":1,"to":2.0,"status":"fail"}
{"session":"bob","op":"read","key":null,"value":{"b":1,"a":[true]}}"#;
    let expected = [
        r#"2 t0 "alice" ok write "photo" >"v2" i120 c340 n"replica-1" v41"#,
        r#"4 t1 7 ok read 1 [1,"a"] v42 final"#,
        r#"5 t2 "bob" info read "x" null i400 e{"code": 7}"#,
        r#"5 t2 "bob" info append "y" >3 i400 v5 e{"code": 7}"#,
        r#"6 t3 "bob" fail cas "x" 1 >2.0"#,
        r#"7 t4 "bob" ok read null {"a":[true],"b":1}"#,
    ];
    for text in [text.to_owned(), text.replace('\n', "\r\n"), format!("\u{feff}{text}\n")] {
        let history = history("jsonl", &text);
        assert_eq!(told(&history), expected);
        assert_eq!(history.about(), Some("a test"));
        let x = (0..history.keys()).map(KeyId::new).find(|&key| history.key_text(key) == "x").unwrap();
        assert_eq!(history.value_text(history.initial(x)), "0");
        assert!(history.warnings().is_empty());
    }
}

#[test]
fn native_headers_declare_initial_values() {
    for (initial, of_1, of_x) in [
        (r#"{"x":"a","y":1}"#, "null", "\"a\""),
        (r#"[[1,0],["x",null],["nowhere",7]]"#, "0", "null"),
        ("5", "5", "5"),
        ("null", "null", "null"),
    ] {
        let text = format!(
            "{{\"initial\":{initial},\"testimony\":1}}\n{}\n{}",
            r#"{"session":"a","op":"write","key":1,"value":9}"#, r#"{"session":"a","op":"write","key":"x","value":9}"#
        );
        let history = history("jsonl", &text);
        let initials: Vec<String> = (0..2).map(|key| history.value_text(history.initial(KeyId::new(key)))).collect();
        assert_eq!(initials, [of_1, of_x], "{initial}");
    }
}

#[test]
fn a_torn_last_native_line_is_a_warning() {
    let whole = r#"{"session":"a","op":"write","key":"ü","value":1}"#;
    for end in 1..whole.len() {
        let text = [whole.as_bytes(), b"\n", &whole.as_bytes()[..end]].concat();
        let history = read(&text, &ReadOptions::default()).unwrap().history;
        assert_eq!(history.operations(), 1, "{end}");
        assert_eq!(history.warnings(), ["line 2, the last one, is cut off and was left out"], "{end}");
        let mut ended = text.clone();
        ended.push(b'\n');
        assert!(read(&ended, &ReadOptions::default()).is_err(), "{end}");
    }
    let both = format!("{whole}\n{whole}");
    assert_eq!(history("jsonl", &both).operations(), 2);
    // Alone it is no warning: nothing would be left.
    assert_eq!(refused("jsonl", &whole[..20]), "1:20: the line ends inside a value");
}

#[test]
fn wrong_native_lines_are_refused_with_their_place() {
    let good = r#"{"session":"a","op":"write","key":"x","value":1}"#;
    let ops = "read, write, cas, append, add, remove, increment, decrement";
    for (line, message) in [
        ("[1]", "2:1: invalid type: sequence, expected a JSON object"),
        ("17", "2:2: invalid type: integer `17`, expected a JSON object"),
        ("{", "2:1: the line ends inside an object"),
        (r#"{"session":"a"#, "2:13: the line ends inside a string"),
        (r#"{"session":"a",}"#, "2:16: trailing comma"),
        (r#"{"session":"a"} x"#, "2:17: something follows the object on its line"),
        (r#"{"op":"read","op":"read"}"#, "2:17: duplicate field `op`"),
        (r#"{"op":"read","key":"x","value":1}"#, "2:1: no `session`: every line says who issued it"),
        (r#"{"session":1.5,"op":"read"}"#, "2:12: `session` must be a string or an integer, found `1.5`"),
        (r#"{"session":null,"op":"read"}"#, "2:12: `session` must be a string or an integer, found `null`"),
        (r#"{"session":"a","key":"x","value":1}"#, "2:1: neither `op` nor `txn`: a line is one operation or one transaction"),
        (r#"{"session":"a","op":"read","txn":[]}"#, "2:34: both `op` and `txn`: a line is one operation or one transaction"),
        (r#"{"session":"a","op":7}"#, "2:21: `op` must be a string, found `7`"),
        (
            r#"{"session":"a","op":"raed","key":"x","value":1}"#,
            &format!("2:21: unknown op `\"raed\"`; expected {ops}; did you mean `read`?"),
        ),
        (r#"{"session":"a","op":"enqueue","key":"x","value":1}"#, &format!("2:21: unknown op `\"enqueue\"`; expected {ops}")),
        (r#"{"session":"a","op":"read","value":1}"#, "2:21: a read without `key` (null in a history without keys)"),
        (r#"{"session":"a","op":"read","key":true,"value":1}"#, "2:34: `key` must be a string, an integer or null, found `true`"),
        (r#"{"session":"a","op":"read","key":"x"}"#, "2:21: a read without `value` (null where it found nothing)"),
        (r#"{"session":"a","op":"write","key":"x"}"#, "2:21: a write without `value`"),
        (r#"{"session":"a","op":"cas","key":"x","from":1}"#, "2:21: a cas needs both `from` and `to`"),
        (r#"{"session":"a","op":"cas","key":"x","value":1}"#, "2:45: a cas has `from` and `to` in place of `value`"),
        (r#"{"session":"a","op":"write","key":"x","value":1,"to":2}"#, "2:54: `to` on a write: only a cas has it"),
        (r#"{"session":"a","op":"increment","key":"x","value":"1"}"#, "2:51: a counter counts by integers, found `\"1\"`"),
        (
            r#"{"session":"a","op":"write","key":"x","value":1,"final":true}"#,
            "2:57: `final` on a write: only a read is made after quiescence",
        ),
        (r#"{"session":"a","op":"read","key":"x","value":1,"final":1}"#, "2:56: `final` must be true or false, found `1`"),
        (
            r#"{"session":"a","op":"read","key":"x","value":1,"status":"okay"}"#,
            "2:57: unknown status `\"okay\"`; expected ok, fail or info",
        ),
        (
            r#"{"session":"a","op":"read","key":"x","value":1,"status":"fial"}"#,
            "2:57: unknown status `\"fial\"`; expected ok, fail or info; did you mean `fail`?",
        ),
        (
            r#"{"session":"a","op":"read","key":"x","value":1,"status":0}"#,
            "2:57: `status` must be \"ok\", \"fail\" or \"info\", found `0`",
        ),
        (
            r#"{"session":"a","op":"read","key":"x","value":1,"invoke_ns":1.5}"#,
            "2:60: `invoke_ns` must be a whole number of nanoseconds, found `1.5`",
        ),
        (
            r#"{"session":"a","op":"read","key":"x","value":1,"complete_ns":9223372036854775808}"#,
            "2:62: `complete_ns` does not fit 64 bits",
        ),
        (
            r#"{"session":"a","op":"read","key":"x","value":1,"invoke_ns":7,"complete_ns":6}"#,
            "2:1: completed at 6 ns, before it was invoked at 7 ns",
        ),
        (r#"{"session":"a","op":"read","key":"x","value":1,"node":3}"#, "2:55: `node` must be a string, found `3`"),
        (
            r#"{"session":"a","op":"read","key":"x","value":1,"version":"v1"}"#,
            "2:58: `version` must be an integer or a string of digits, found `\"v1\"`",
        ),
        (
            r#"{"session":"a","op":"read","key":"x","value":1,"version":"999999999999999999999999999999999999999999"}"#,
            "2:58: an integer beyond 128 bits",
        ),
        (
            r#"{"session":"a","op":"read","key":"x","value":170141183460469231731687303715884105728}"#,
            "2:46: an integer beyond 128 bits",
        ),
        (r#"{"session":"a","op":"read","key":"x","value":1e400}"#, "2:46: a number out of the range of 64-bit floats"),
        (r#"{"session":"a","op":"read","key":"x","value":01}"#, "2:47: invalid number"),
        (r#"{"session":"a","op":"read","key":"x","value":NaN}"#, "2:46: expected value"),
        (r#"{"session":"a","op":"read","key":"x","value":{"a":1,"a":2}}"#, "2:46: \"a\" is there twice"),
        (r#"{"session":"a","op":"read","key":"x","value":"\ud800"}"#, "2:46: half a surrogate pair in a `\\u` escape"),
        (r#"{"session":"a","txn":{}}"#, "2:22: `txn` must be an array of operations, found `{}`"),
        (r#"{"session":"a","txn":[1]}"#, "2:23: invalid type: integer `1`, expected a JSON object"),
        (r#"{"session":"a","txn":[{"key":"x"}]}"#, "2:22: an operation without `op`"),
        (r#"{"session":"a","txn":[],"value":1}"#, "2:33: `value` beside `txn`: it belongs to an operation of the transaction"),
        (
            r#"{"session":"a","txn":[{"op":"read","key":"x","value":1,"status":"ok"}]}"#,
            "2:65: `status` on an operation of a transaction: it belongs to the whole transaction",
        ),
        (
            r#"{"session":"a","txn":[{"op":"write","key":"x","value":2}],"final":true}"#,
            "2:67: `final` on a transaction that reads nothing: only a read is made after quiescence",
        ),
        (r#"{"testimony":1}"#, "2:14: a header (`testimony`) must be the first line"),
        (
            r#"{"session":"a","txn":[{"op":"append","key":"l","value":1},{"op":"read","key":"l","value":1}]}"#,
            "2:1: key \"l\" is a list: a read of it must return an array or null, found `1`",
        ),
        (
            r#"{"session":"a","txn":[{"op":"add","key":"s","value":1},{"op":"read","key":"s","value":{"a":1}}]}"#,
            "2:1: key \"s\" is a set: a read of it must return an array or null, found `{\"a\":1}`",
        ),
        (
            r#"{"session":"a","txn":[{"op":"increment","key":"c","value":1},{"op":"read","key":"c","value":1.0}]}"#,
            "2:1: key \"c\" is a counter: a read of it must return an integer or null, found `1.0`",
        ),
        (
            r#"{"session":"a","op":"append","key":"x","value":1}"#,
            "2:1: key \"x\" is a register (line 1: write) and a list (line 2: append)",
        ),
    ] {
        assert_eq!(refused("jsonl", &format!("{good}\n{line}\n{good}\n")), message, "{line}");
    }
    let deep = format!("{good}\n{}", good.replace(":1}", &format!(":{}{}}}", "[".repeat(129), "]".repeat(129))));
    assert_eq!(refused("jsonl", &deep), "2:175: nested more than 128 deep");
}

#[test]
fn wrong_native_headers_are_refused() {
    let initial = "`initial` must be {key: value}, [[key, value], …] or one scalar for all keys";
    for (header, message) in [
        (r#"{"testimony":2}"#, "1:14: this build reads version 1 of the format, found `2`"),
        (r#"{"testimony":"1"}"#, "1:14: this build reads version 1 of the format, found `\"1\"`"),
        (r#"{"testimony":1,"op":"read"}"#, "1:21: `op` in the header: it belongs on a line of its own"),
        (r#"{"testimony":1,"about":7}"#, "1:24: `about` must be a string, found `7`"),
        (r#"{"testimony":1,"initial":[1]}"#, &format!("1:27: {initial}: invalid type: integer `1`, expected a tuple of size 2")),
        (r#"{"testimony":1,"initial":[[[],1]]}"#, "1:28: a key in `initial` must be a string, an integer or null, found `[]`"),
        (r#"{"testimony":1,"initial":{"x":1,"x":2}}"#, "1:26: `initial` has key \"x\" twice"),
        (r#"{"testimony":1}"#, "-:-: no operations"),
    ] {
        assert_eq!(refused("jsonl", header), message, "{header}");
    }
}

#[test]
fn an_error_shows_the_line() {
    let text = format!("\n{{\"session\":\"{}\",\"op\":\"red\",\"key\":\"x\",\"value\":1}}\n", "s".repeat(200));
    let error = read(text.as_bytes(), &ReadOptions::default()).err().unwrap();
    assert_eq!((error.line, error.column), (Some(2), Some(220)));
    let excerpt = error.excerpt.unwrap();
    assert!(excerpt.starts_with("…sss") && excerpt.ends_with("\"red\",\"key\":\"x\",\"value\":1}"), "{excerpt}");
    let column = error.excerpt_column.unwrap() as usize;
    assert!(excerpt.chars().skip(column - 1).collect::<String>().starts_with("\"red\""));
}

// Jepsen.

#[test]
fn jepsen_halves_are_joined() {
    let text = r#"; a comment
[{:process 0, :type :invoke, :f :write, :value 1, :time 10, :index 0}
 {:process 1, :type :invoke, :f :read, :value nil, :time 11} ; {:process 9}
 #jepsen.history.Op{:process 0, :type :ok, :f :write, :value nil, :time 12, :node "n1"}
 {:process :nemesis, :type :info, :f :start, :value {:n1 #{:n2}}, :time 13}
 {:process 1, :type :ok, :f :read,
  :value 1, :final-read? true, :time 14, :exception {:via [{:trace [#object[x 1] "a]}"]}]}}
 #_{:process 3 :type :invoke} {:process 2, :type :invoke, :f :cas, :value [1 2]}
 {:process 3, :type :invoke, :f :cas, :value [2 :x]} {:process 4, :type :fail, :f :read, :error [:timeout nil]}
 {:process 3, :type :fail, :f :cas, :value [2 :x], :error :conn-lost}
 {:process 0, :type :invoke, :f :write, :value 5}
 {:process 0, :type :info, :f :write, :error "timeout", :final? false}]"#;
    let expected = [
        "4 t0 0 ok write null >1 i10 c12 n\"n1\"",
        "6 t1 1 ok read null 1 i11 c14 final",
        "8 t2 2 info cas null 1 >2",
        r#"9 t3 4 fail read null null e[":timeout",null]"#,
        r#"10 t4 3 fail cas null 2 >":x" e":conn-lost""#,
        r#"12 t5 0 info write null >5 e"timeout""#,
    ];
    let vector = history("jepsen-edn", text);
    assert_eq!(told(&vector), expected);
    assert_eq!(vector.events().len(), 1);
    let event = &vector.events()[0];
    assert_eq!((event.line, event.time_ns), (5, Some(13)));
    assert_eq!(event.text, "{:process :nemesis, :type :info, :f :start, :value {:n1 #{:n2}}, :time 13}");
    let bare = text.replace("[{:process 0, :type :invoke", " {:process 0, :type :invoke").replace("false}]", "false}");
    assert_eq!(told(&history("jepsen-edn", &bare)), expected);
    let list = text.replace("[{:process 0, :type :invoke", "({:process 0, :type :invoke").replace("false}]", "false})");
    assert_eq!(told(&history("jepsen-edn", &list)), expected);
}

#[test]
fn jepsen_types_and_functions_are_known() {
    for (text, types, expected) in [
        (
            "{:process 0 :type :invoke :f :txn :value [[:r x nil] [:append :x 1] [:read 3 nil]]}
             {:process 0 :type :ok :f :txn :value [[:r x [1 2]] [:append :x 1] [:read 3 nil]]}",
            "[List, List, List]",
            vec!["2 t0 0 ok read \"x\" [1,2]", "2 t0 0 ok append \":x\" >1", "2 t0 0 ok read 3 null"],
        ),
        (
            "{:process 0 :type :invoke :value [[:w :x 2] [:r :y nil]]}\n{:process 0 :type :fail}",
            "[Register, Register]",
            vec!["2 t0 0 fail write \":x\" >2", "2 t0 0 fail read \":y\" null"],
        ),
        (
            "{:process 0 :type :invoke :f :read :value [[:r 0 nil] [:r 1 nil]]} {:process 0 :type :ok :f :read :value [[:r 0 1] [:r 1 2]]}",
            "[Register, Register]",
            vec!["1 t0 0 ok read 0 1", "1 t0 0 ok read 1 2"],
        ),
        (
            "{:process 0 :type :ok :f :add :value 1} {:process 0 :type :ok :f :read :value #{2 1}} {:process 0 :type :ok :f :remove :value 1}",
            "[Set]",
            vec!["1 t0 0 ok add null >1", "1 t1 0 ok read null [1,2]", "1 t2 0 ok remove null >1"],
        ),
        (
            "{:process 0 :type :ok :f :add :value -1} {:process 0 :type :ok :f :read :value 2} {:process 0 :type :ok :f :inc}",
            "[Counter]",
            vec!["1 t0 0 ok increment null >-1", "1 t1 0 ok read null 2", "1 t2 0 ok increment null >1"],
        ),
        (
            "{:process 0 :type :ok :f :add :value 1} {:process 0 :type :ok :f :add :value 2}",
            "[Set]",
            vec!["1 t0 0 ok add null >1", "1 t1 0 ok add null >2"],
        ),
        (
            "{:process 0 :type :ok :f :append :key \"k\" :value 1 :version 3} {:process 0 :type :ok :f :decrement :key 2 :value 3}",
            "[List, Counter]",
            vec!["1 t0 0 ok append \"k\" >1 v3", "1 t1 0 ok decrement 2 >3"],
        ),
        (
            "{:process 0 :type :invoke :f :write :value 1 :index 2} {:process 0 :type :invoke :f :read :index 0}
             {:process 0 :type :ok :f :read :value {\"b\" 2, \"a\" [1]} :index 1}
             {:process 0 :type :ok :f :write :value 1 :index 3}",
            "[Register]",
            vec![r#"2 t0 0 ok read null {"a":[1],"b":2}"#, "3 t1 0 ok write null >1"],
        ),
    ] {
        let history = history("jepsen-edn", text);
        assert_eq!(told(&history), expected, "{text}");
        let of_keys: Vec<DataType> = (0..history.keys()).map(|key| history.key_type(KeyId::new(key))).collect();
        assert_eq!(format!("{of_keys:?}"), types, "{text}");
    }
}

#[test]
fn independent_tuples_name_their_key() {
    let text = "{:process 0 :type :invoke :f :cas :value [7 [1 2]]} {:process 0 :type :ok :f :cas :value [7 [1 2]]}
        {:process 0 :type :invoke :f :read :value [7 nil]} {:process 0 :type :ok :f :read :value #jepsen.independent.Tuple [7 2]}
        {:process 1 :type :invoke :f :read :value [8 nil]} {:process 1 :type :ok :f :read}
        {:process 1 :type :ok :f :txn :value [9 [[:r 1 2]]]}";
    let independent = ReadOptions { independent: true, ..options("jepsen-edn") };
    let history = read(text.as_bytes(), &independent).unwrap().history;
    assert_eq!(told(&history), ["1 t0 0 ok cas 7 1 >2", "2 t1 0 ok read 7 2", "3 t2 1 ok read 8 null", "4 t3 1 ok read [9,1] 2"]);
    let wrong = read(b"{:process 0 :type :ok :f :read :value 3}", &independent).err().unwrap();
    assert_eq!(shown(&wrong), "1:39: --independent, but the value is no [key value] tuple");
}

#[test]
fn the_workload_is_what_the_caller_says() {
    let text = "{:process 0 :type :ok :f :add :value 1} {:process 0 :type :ok :f :add :value 2}";
    let counter = ReadOptions { workload: Some(DataType::Counter), ..options("jepsen-edn") };
    assert_eq!(read(text.as_bytes(), &counter).unwrap().history.key_type(KeyId::new(0)), DataType::Counter);
    let native = r#"{"session":1,"op":"append","key":1,"value":1}"#;
    let register = ReadOptions { workload: Some(DataType::Register), ..ReadOptions::default() };
    let error = read(native.as_bytes(), &register).err().unwrap();
    assert_eq!(shown(&error), "1:1: `append` is no operation of a register: key 1");
}

#[test]
fn jepsen_json_says_the_same() {
    let lines = r#"{"process":0,"type":"invoke","f":"write","value":1,"time":10}
{"process":"nemesis","type":"info","f":"start"}
{"process":0,"type":"ok","f":"write","time":12,"error":["x",
 1]}
{"process":1,"type":"ok","f":"txn","value":[["r","x",null],["append","y",[1]]],"more":{"a":[]}}"#;
    let expected =
        [r#"3 t0 0 ok write null >1 i10 c12 e["x",  1]"#, r#"5 t1 1 ok read "x" null"#, r#"5 t1 1 ok append "y" >[1]"#];
    let array = format!("[{}]", lines.replace("}\n{", "},\n{"));
    for text in [lines, &array] {
        let history = history("jepsen-json", text);
        assert_eq!(told(&history), expected);
        assert_eq!(history.events()[0].text, r#"{"process":"nemesis","type":"info","f":"start"}"#);
    }
}

#[test]
fn wrong_jepsen_histories_are_refused_with_their_place() {
    let fs = ":read, :r, :write, :w, :cas, :append, :add, :remove, :increment, :inc, :decrement, :dec, :txn";
    for (text, message) in [
        ("", "-:-: no operations"),
        ("[]", "-:-: no operations"),
        ("; nothing\n", "-:-: no operations"),
        ("[{:process 0 :type :ok :f :read}", "1:1: `[` is never closed"),
        ("{:process 0 :type :ok", "1:1: `{` is never closed"),
        ("{:process 0 :type :ok]", "1:22: `]` closes nothing: `{` is open"),
        ("{:process 0 :type :ok :f :read} ]", "1:33: `]` closes nothing"),
        ("{:process 0 :type}", "1:13: :type has no value"),
        ("{:process 0 :error}", "1:13: :error has no value"),
        ("{:process 0 :x}", "1:13: a key that has no value"),
        ("{:process 0 :process 1}", "1:13: :process is there twice"),
        ("{:process 0 :error 1 :error 2}", "1:22: :error is there twice"),
        ("[7]", "1:2: expected an operation, a map such as {:process 0, :type :invoke, :f :read}"),
        ("\n {:type :ok :f :read}", "2:2: no :process: every operation says who issued it"),
        (
            "{:process \"0\" :type :ok :f :read}",
            "1:11: :process must be an integer, or a name such as :nemesis for what is no operation",
        ),
        ("{:process 0 :f :read}", "1:1: no :type: expected :invoke, :ok, :fail or :info"),
        (
            "{:process 0 :type :invok :f :read}",
            "1:19: unknown :type; expected :invoke, :ok, :fail or :info; did you mean `invoke`?",
        ),
        ("{:process 0 :type 1 :f :read}", "1:19: unknown :type; expected :invoke, :ok, :fail or :info"),
        ("{:process 0 :type :ok}", "1:1: no :f: every operation says what it did"),
        ("{:process 0 :type :ok :f :acquire}", &format!("1:26: unknown :f :acquire; expected {fs}")),
        ("{:process 0 :type :ok :f :wirte}", &format!("1:26: unknown :f :wirte; expected {fs}; did you mean `write`?")),
        ("{:process 0 :type :ok :f 3}", &format!("1:26: unknown :f (no name); expected {fs}")),
        ("{:process 0 :type :ok :f :transfer}", "1:26: :f :transfer: histories of bank accounts are not supported"),
        ("{:process 0 :type :ok :f :cas :value 3}", "1:38: the value of a :cas must be [from to]"),
        ("{:process 0 :type :ok :f :cas}", "1:1: a :cas without a :value"),
        ("{:process 0 :type :ok :f :add}", "1:1: a :add without a :value"),
        ("{:process 0 :type :ok :f :inc :value \"1\"}", "1:38: a counter counts by integers"),
        ("{:process 0 :type :ok :f :txn}", "1:1: a :txn without a :value"),
        (
            "{:process 0 :type :invoke :f :txn :value [[:r 1 nil]]}\n{:process 0 :type :ok :f :txn}",
            "2:1: an :ok :txn without its :value: what did it read?",
        ),
        (
            "{:process 0 :type :ok :f :txn :value 3}",
            "1:38: the value of a :txn must be a vector of operations such as [:r x nil]",
        ),
        (
            "{:process 0 :type :ok :f :txn :value [3]}",
            "1:39: an operation of a :txn must be a vector such as [:r x nil], [:w x 1] or [:append x 1]",
        ),
        (
            "{:process 0 :type :ok :f :txn :value [[:q 1 2]]}",
            "1:40: unknown operation of a :txn, :q; expected :r, :w, :append or another :f",
        ),
        (
            "{:process 0 :type :ok :f :txn :value [[7 1 2]]}",
            "1:40: unknown operation of a :txn, (no name); expected :r, :w, :append or another :f",
        ),
        ("{:process 0 :type :ok :f :txn :value [[:w 1]]}", "1:39: this operation of a :txn needs a value"),
        ("{:process 0 :type :ok :f :txn :value [[:append 1]]}", "1:39: this operation of a :txn needs a value"),
        ("{:process 0 :type :ok :f :read :time 1.5}", "1:38: :time must be an integer"),
        ("{:process 0 :type :ok :f :read :time 9223372036854775808}", "1:1: :time does not fit 64 bits of nanoseconds"),
        (
            "{:process 0 :type :ok :f :txn :value [[:r 1 2] [:r 2 3]] :version 1}",
            "1:1: :version on a :txn of several operations: whose is it?",
        ),
        (
            "{:process 0 :type :invoke :f :read}\n{:process 0 :type :invoke :f :read}",
            "2:1: process 0 invokes an operation before its last one (line 1) completed",
        ),
        (
            "{:process 0 :type :invoke :f :read}\n{:process 0 :type :ok :f :write :value 1}",
            "2:1: process 0 completes a :write but invoked a :read (line 1)",
        ),
        (
            "{:process 0 :type :ok :f :write :value 1}\n{:process 0 :type :ok :f :append :value 1}",
            "2:1: key null is a register (line 1: write) and a list (line 2: append)",
        ),
        ("{:process 0 :type :ok :f :read :value \"", "1:39: a string that never ends"),
        ("{:process 0 :type :ok :f :read :final? 1}", "1:40: :final? must be true or false"),
        ("{:process 0 :type :ok :f :read :value #{1 1N}}", "1:39: a set has the same member twice"),
        ("{:process 0 :type :ok :f :read :value {:a 1 :a 2}}", "1:39: :a is there twice"),
        ("{:process 0 :type :ok :f :read :version x}", "1:41: :version must be an integer"),
    ] {
        assert_eq!(refused("jepsen-edn", text), message, "{text}");
    }
    for (text, message) in [
        ("[", "1:1: EOF while parsing a list"),
        ("[1]", "1:2: expected an operation, an object with \"process\", \"type\" and \"f\", found `1`"),
        ("[]", "-:-: no operations"),
        ("[{\"process\":0,\n\"type\":\"ok\",\"f\":\"x\"}]", &format!("2:17: unknown :f :x; expected {fs}")),
        ("[{\"type\":\"ok\"}]", "1:2: no :process: every operation says who issued it"),
        ("[{}] {}", "1:2: no :process: every operation says who issued it"),
        ("[] {}", "1:4: trailing characters"),
        ("{\"process\":0,\n\"process\":1}", "2:9: duplicate field `process`"),
        ("{\"process\":0,\n ?", "2:2: key must be a string"),
    ] {
        assert_eq!(refused("jepsen-json", text), message, "{text}");
    }
}

// Plume.

#[test]
fn plume_lines_are_read() {
    let text = "w(1,2,3,4)\n r ( 1 , 2 , 3 , 4 ) \r\n\nr(1,0,7,0)\nw(9,9,7,-1)\nr(1,2,7,-1)\nw(12345678901,5,3,5)";
    let history = history("plume", text);
    assert_eq!(
        told(&history),
        [
            "1 t0 3 ok write 1 >2",
            "2 t0 3 ok read 1 2",
            "4 t1 7 ok read 1 0",
            "5 t2 7 fail write 9 >9",
            "6 t3 7 fail read 1 2",
            "7 t4 3 ok write 12345678901 >5"
        ]
    );
    assert_eq!(history.value_text(history.initial(KeyId::new(0))), "0");
}

#[test]
fn plume_transactions_are_gathered() {
    let text = "w(1,1,0,5)\nw(1,2,1,5)\nw(2,1,0,5)\nr(1,1,0,3)\nw(2,2,1,5)\nw(3,3,0,-1)\nw(3,4,0,5)";
    assert_eq!(
        told(&history("plume", text)),
        [
            "1 t0 0 ok write 1 >1",
            "3 t0 0 ok write 2 >1",
            "7 t0 0 ok write 3 >4",
            "2 t1 1 ok write 1 >2",
            "5 t1 1 ok write 2 >2",
            "4 t2 0 ok read 1 1",
            "6 t3 0 fail write 3 >3"
        ]
    );
}

#[test]
fn wrong_plume_lines_are_refused_with_their_place() {
    for (text, message) in [
        ("", "-:-: no operations"),
        ("x", "1:1: expected `r(key,value,session,txn)` or `w(key,value,session,txn)`, found `x`"),
        ("w(1,2,3,4)\nw", "2:2: expected `(`, found the end of the file"),
        ("w(1,2,3,4)\nw(a", "2:3: expected an integer for the key, found `a`"),
        ("w(1;", "1:4: expected `,`, found `;`"),
        ("w(1,\n", "1:5: expected an integer for the value, found the end of the line"),
        ("w(1,2,-,", "1:7: expected an integer for the session, found `-`"),
        ("w(1,2,3,4", "1:10: expected `)`, found the end of the file"),
        ("w(1,2,3,4)w", "1:11: expected the end of the line, found `w`"),
        ("w(1,2,3,4)ü", "1:11: expected the end of the line, found `ü`"),
        ("w(1,2,3,99999999999999999999)", "1:9: a transaction number beyond 64 bits"),
        ("w(1,999999999999999999999999999999999999999999,3,4)", "1:5: an integer beyond 128 bits"),
    ] {
        assert_eq!(refused("plume", text), message, "{text}");
    }
}

// All of them.

#[test]
fn content_says_which_format_it_is() {
    for (text, expected) in [
        (r#"{"session":"a","op":"write","key":"x","value":1}"#, "jsonl"),
        ("\u{feff}\r\n {\"testimony\": 1}\n{\"key\":1,\"value\":[{\"type\":0}],\"op\":\"read\",\"session\":1}", "jsonl"),
        (r#"{"value":1,"type":"ok","process":0,"f":"read"}"#, "jepsen-json"),
        (r#" [ {"type":"ok","f":"read","process":0}]"#, "jepsen-json"),
        ("{:type :ok :process 0 :f :read}", "jepsen-edn"),
        ("; comment\n#_ x [#jepsen.history.Op{:index 0 :value {} :process 0 :type :ok :f :read}]", "jepsen-edn"),
        ("\n(\n{:process 0 :type :ok :f :read})", "jepsen-edn"),
        ("r(1,0,0,0)", "plume"),
        ("\n w (1,1,0,0)", "plume"),
    ] {
        assert_eq!(read(text.as_bytes(), &ReadOptions::default()).ok().map(|found| found.format), Some(expected), "{text}");
    }
    for text in ["{:deps {}}", "[[1]]", "{}", "{\"type\":1}", "read me", "writ(", "{{", "[1 2]", "\\x", "\"string\"", "#!/bin/sh"]
    {
        let error = read(text.as_bytes(), &ReadOptions::default()).err().expect(text);
        assert!(error.is_unrecognised(), "{text}: {}", error.message);
    }
}

#[test]
fn packed_histories_are_read_as_they_are() {
    use std::io::Write;
    let text = b"w(1,1,0,0)\nr(1,1,1,0)\n";
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(text).unwrap();
    for packed in [gzip.finish().unwrap(), zstd::encode_all(&text[..], 3).unwrap()] {
        let recording = read(&packed, &ReadOptions::default()).unwrap();
        assert_eq!((recording.format, recording.history.operations()), ("plume", 2));
    }
}

/// What a format cannot hold is named.
#[test]
fn what_has_no_place_is_named() {
    let line = |rest: &str| format!(r#"{{"session":1,"op":"write","key":1,"value":1{rest}}}"#);
    let event = "{:process :nemesis :type :info}\n{:process 0 :type :ok :f :read}";
    for (from, text, to, message) in [
        ("jsonl", line(r#","invoke_ns":1"#), "plume", "line 1: plume cannot hold `invoke_ns`"),
        ("jsonl", line(r#","complete_ns":1"#), "plume", "line 1: plume cannot hold `complete_ns`"),
        ("jsonl", line(r#","node":"a""#), "plume", "line 1: plume cannot hold `node`"),
        ("jsonl", line(r#","error":1"#), "plume", "line 1: plume cannot hold `error`"),
        ("jsonl", line(r#","version":1"#), "plume", "line 1: plume cannot hold `version`"),
        ("jsonl", line(r#","status":"info""#), "plume", "line 1: plume cannot hold `status` \"info\""),
        (
            "jsonl",
            line("").replace("\"session\":1", "\"session\":\"a\""),
            "plume",
            "line 1: plume cannot hold `session` \"a\": only whole numbers below 2^31",
        ),
        (
            "jsonl",
            line("").replace("\"key\":1", "\"key\":-1"),
            "plume",
            "line 1: plume cannot hold `key` -1: only whole numbers below 2^31",
        ),
        (
            "jsonl",
            line("").replace("\"value\":1", "\"value\":1.0"),
            "plume",
            "line 1: plume cannot hold `value` 1.0: only whole numbers below 2^31",
        ),
        (
            "jsonl",
            line("").replace("\"value\":1", "\"value\":0"),
            "plume",
            "line 1: plume cannot hold `value` 0 where it is not the initial value",
        ),
        ("jsonl", line("").replace("write", "append"), "plume", "line 1: plume cannot hold `op` \"append\""),
        (
            "jsonl",
            r#"{"session":1,"op":"read","key":1,"value":1,"final":true}"#.to_owned(),
            "plume",
            "line 1: plume cannot hold `final`",
        ),
        ("jsonl", format!("{{\"testimony\":1,\"about\":\"x\"}}\n{}", line("")), "plume", "plume cannot hold `about`"),
        (
            "jsonl",
            r#"{"session":1,"txn":[{"op":"write","key":1,"value":1},{"op":"write","key":2,"value":1}],"status":"fail"}"#
                .to_owned(),
            "plume",
            "line 1: plume cannot hold a failed transaction of several operations",
        ),
        (
            "jsonl",
            format!("{}\n{{\"session\":1,\"txn\":[]}}", line("")),
            "plume",
            "plume cannot hold a transaction without operations",
        ),
        ("jepsen-edn", event.to_owned(), "plume", "line 1: plume cannot hold events that are no operations (nemesis)"),
        ("jepsen-edn", event.to_owned(), "jsonl", "line 1: jsonl cannot hold events that are no operations (nemesis)"),
        ("jepsen-edn", event.to_owned(), "jepsen-json", "line 1: jepsen-json cannot hold events in the other notation"),
        (
            "jepsen-edn",
            "{:process 0 :type :ok :f :read :value :x} {:process 0 :type :ok :f :read :value \":x\"}".to_owned(),
            "jsonl",
            "jsonl cannot hold both the keyword and the string \":x\", which are spelled alike in JSON",
        ),
        (
            "jepsen-edn",
            "{:process 0 :type :ok :f :read :key x} {:process 0 :type :ok :f :read :key \"x\"}".to_owned(),
            "jepsen-json",
            "jepsen-json cannot hold both the symbol and the string \"x\", which are spelled alike in JSON",
        ),
        ("plume", "w(1,1,1,1)".to_owned(), "jepsen-edn", "jepsen-edn cannot hold `initial`"),
        ("jsonl", format!("{{\"testimony\":1,\"about\":\"x\"}}\n{}", line("")), "jepsen-edn", "jepsen-edn cannot hold `about`"),
        (
            "jsonl",
            line("").replace("\"session\":1", "\"session\":\"a\""),
            "jepsen-json",
            "line 1: jepsen-json cannot hold `session` \"a\": a process is an integer",
        ),
        (
            "jsonl",
            line("").replace("write", "add").replace("\"value\":1", "\"value\":null"),
            "jepsen-edn",
            "line 1: jepsen-edn cannot hold `value` null of an add",
        ),
        (
            "jsonl",
            format!("{0}\n{0}", line("").replace("write", "add")),
            "jepsen-edn",
            "jepsen-edn cannot hold the adds of key 1, which would be read as increments: no read shows a set",
        ),
        (
            "jsonl",
            r#"{"session":1,"txn":[{"op":"read","key":1,"value":1,"final":true},{"op":"read","key":2,"value":1}]}"#.to_owned(),
            "jepsen-edn",
            "line 1: jepsen-edn cannot hold `final` on some reads of a transaction",
        ),
        (
            "jsonl",
            r#"{"session":1,"txn":[{"op":"read","key":1,"value":1,"version":7},{"op":"read","key":2,"value":1}]}"#.to_owned(),
            "jepsen-edn",
            "line 1: jepsen-edn cannot hold `version` in a transaction of several operations",
        ),
        (
            "jsonl",
            format!("{}\n{}", line(r#","invoke_ns":1,"complete_ns":5"#), line(r#","invoke_ns":2,"complete_ns":3"#)),
            "jepsen-edn",
            "jepsen-edn cannot hold operations of one session that overlap (session 1)",
        ),
    ] {
        let history = history(from, &text);
        let error = written(&history, to, false).expect_err(&text);
        assert_eq!(error.to_string(), message, "{text}");
        // What is lossy is still read.
        let lossy = written(&history, to, true).unwrap();
        match read(lossy.as_bytes(), &options(to)) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.message, "no operations", "{to}: {lossy}"),
        }
    }
}

#[test]
fn lossy_plume_numbers_names() {
    let text = r#"{"session":"a","op":"write","key":"x","value":"v"}
{"session":"b","op":"read","key":"x","value":null}
{"session":"b","op":"read","key":"x","value":"v","invoke_ns":1,"complete_ns":2}
{"session":"b","op":"write","key":"x","value":"w","status":"fail"}"#;
    let plume = written(&history("jsonl", text), "plume", true).unwrap();
    assert_eq!(plume, "w(0,1,0,0)\nr(0,0,1,1)\nr(0,1,1,2)\nw(0,2,1,-1)\n");
}

#[test]
fn jepsen_lines_are_sorted_by_time() {
    let text = r#"{"session":0,"op":"write","key":null,"value":1,"invoke_ns":10,"complete_ns":20}
{"session":1,"op":"read","key":"x","value":[1],"invoke_ns":12,"complete_ns":15,"node":"n"}"#;
    assert_eq!(
        written(&history("jsonl", text), "jepsen-edn", false).unwrap(),
        "{:index 0, :type :invoke, :process 0, :f :write, :value 1, :time 10}
{:index 1, :type :invoke, :process 1, :f :txn, :value [[:r \"x\" nil]], :time 12}
{:index 2, :type :ok, :process 1, :f :txn, :value [[:r \"x\" [1]]], :time 15, :node \"n\"}
{:index 3, :type :ok, :process 0, :f :write, :value 1, :time 20}
"
    );
}

/// The formats that are text; `tests/columnar.rs` has the other one.
fn texts() -> impl Iterator<Item = &'static str> {
    FORMATS.iter().map(|format| format.name()).filter(|&name| name != "parquet")
}

/// Each example of the documentation is one of its format.
#[test]
fn documented_examples_are_read() {
    let documentation = include_str!("../docs/formats.md");
    let mut examples = 0;
    for section in documentation.split("\n## ").skip(1) {
        let name = section.lines().next().unwrap();
        for block in section.split("```").skip(1).step_by(2) {
            let text = &block[block.find('\n').unwrap()..];
            let recording = read(text.as_bytes(), &ReadOptions::default()).unwrap_or_else(|error| panic!("{}", shown(&error)));
            assert_eq!(recording.format, name);
            examples += 1;
        }
    }
    assert_eq!(examples, texts().count());
    for format in FORMATS {
        assert!(documentation.contains(&format!("\n## {}\n", format.name())), "{} is not documented", format.name());
    }
}

/// A library user's error texts need not be JSON.
#[test]
fn error_texts_of_any_kind_are_written() {
    for (text, expected) in
        [("timed out", "\"timed out\""), ("[1,\n2]", "\"[1,\\n2]\""), ("{\"a\":1}", "{\"a\":1}"), ("\"", "\"\\\"\"")]
    {
        let mut builder = HistoryBuilder::new();
        let session = builder.values.int(1);
        builder.begin(TxnInput::ok(session));
        builder.op(OpInput::new(Kind::Write, ValueId::NULL, session));
        builder.error(text.to_owned());
        let original = builder.finish().unwrap();
        for format in ["jsonl", "jepsen-edn", "jepsen-json"] {
            let back = history(format, &written(&original, format, false).unwrap());
            assert_eq!(back.error(TxnId::new(0)), Some(expected), "{format}");
        }
    }
}

#[test]
fn a_full_disk_is_an_error() {
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let history = history("jsonl", r#"{"session":1,"op":"write","key":1,"value":1}"#);
    for format in FORMATS {
        assert!(matches!(format.write(&history, false, &mut Full), Err(WriteError::Io(_))), "{}", format.name());
    }
}

mod random;

/// Written and read back, it is the same history: each session's operations in their order, with all that is known of them.
#[test]
fn every_format_gives_back_what_it_took() {
    for format in texts() {
        let mut held = 0;
        for seed in 0..600 {
            let text = random::native(seed, format);
            let original = history("jsonl", &text);
            let Ok(converted) = written(&original, format, false) else { continue };
            held += 1;
            let found = read(converted.as_bytes(), &ReadOptions::default());
            let found = found.unwrap_or_else(|error| panic!("seed {seed}, {format}: {}\n{converted}", shown(&error)));
            assert_eq!(found.format, format, "seed {seed}\n{converted}");
            assert_eq!(by_session(&found.history), by_session(&original), "seed {seed}, {format}\n{text}\n{converted}");
        }
        assert!(held > 150, "{format} held {held} of 600 histories: too few to mean anything");
    }
}

/// Each session's transactions in order, without lines; the initial value by that name, since Plume has its own.
fn by_session(history: &History) -> Vec<(String, Vec<String>)> {
    let mut sessions: Vec<(String, Vec<String>)> = Vec::new();
    for txn in history.txns() {
        let session = history.value_text(history.session_name(history.txn_session(txn)));
        let value = |op, value| match value {
            value if value == history.initial(history.key(op)) => "initial".to_owned(),
            value => history.value_text(value),
        };
        let mut text = format!("{:?} {:?} {:?}", history.txn_status(txn), history.invoked(txn), history.completed(txn));
        let node = history.node(txn).map(|node| history.value_text(history.node_name(node)));
        write!(text, " {node:?} {:?}", history.error(txn)).unwrap();
        for op in history.txn_ops(txn) {
            let (read, written) = (history.read_value(op).map(|v| value(op, v)), history.written_value(op).map(|v| value(op, v)));
            let key = history.value_text(history.key_name(history.key(op)));
            let kind: Kind = history.kind(op);
            write!(text, " {kind:?} {key} {read:?} {written:?} {:?} {}", history.version(op), history.is_final(op)).unwrap();
        }
        match sessions.iter_mut().find(|(name, _)| *name == session) {
            Some((_, txns)) => txns.push(text),
            None => sessions.push((session, vec![text])),
        }
    }
    sessions.sort();
    assert!(history.txns().all(|txn| matches!(history.txn_status(txn), Status::Ok | Status::Fail | Status::Info)));
    sessions
}

#[test]
fn other_projects_histories_are_read() {
    let Some(peers) = peers() else { return };
    let read_file = |name: &str| read(&fs::read(peers.join(name)).unwrap(), &ReadOptions::default());
    for (name, format, operations, sessions, keys) in [
        ("elle/huge-scc.edn.gz", "jepsen-edn", 25_531, 173, 106),
        ("elle/si-without-g-single.edn", "jepsen-edn", 8, 4, 3),
        ("elle-cli/elle/list-append-gh-30.edn", "jepsen-edn", 11, 3, 4),
        ("elle-cli/elle/rw-register.json", "jepsen-json", 3, 1, 1),
        ("elle-cli/jepsen/counter.edn", "jepsen-edn", 287, 1, 1),
        ("elle-cli/jepsen/counter.json", "jepsen-json", 287, 1, 1),
        ("knossos/cas-register/bad/rethink-fail-minimal.edn", "jepsen-edn", 4, 4, 1),
        ("knossos/cas-register/good/mongodb-v0-ack-rollback-0.edn", "jepsen-edn", 702, 17, 1),
        ("knossos/multi-register/multi-register.edn", "jepsen-edn", 187, 7, 2),
    ] {
        let recording = read_file(name).unwrap_or_else(|error| panic!("{name}: {}", shown(&error)));
        let history = &recording.history;
        assert_eq!(
            (recording.format, history.operations(), history.sessions(), history.keys()),
            (format, operations, sessions, keys),
            "{name}"
        );
    }
    for (name, message) in [
        ("elle-cli/jepsen/bank.edn", "7:20: :f :transfer: histories of bank accounts are not supported"),
        ("elle-cli/jepsen/long-fork.edn", "1:2: no :process: every operation says who issued it"),
        ("elle/paper-example.edn", "1:1: no :process: every operation says who issued it"),
    ] {
        assert_eq!(shown(&read_file(name).err().expect(name)), message, "{name}");
    }
}

/// The folder of other projects' histories, where there is one beside this checkout.
fn peers() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().skip(1).map(|folder| folder.join("shared/data/peers"));
    let peers = beside.into_iter().find(|folder| folder.is_dir());
    if peers.is_none() {
        println!("skipped: no shared/data/peers beside this checkout");
    }
    peers
}

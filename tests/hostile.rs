//! *Hostile input*: an error or a history, in bounded time and memory; never a panic, never a stack overflow.

use std::{
    io::Write,
    time::{Duration, Instant},
};

use testimony::format::{FORMATS, ReadError, ReadOptions, find, read};

mod random;

use random::Random;

/// Reads as every format in turn, and as what it is found to be; returns what the named one says.
fn said(format: &str, bytes: &[u8]) -> Result<usize, ReadError> {
    let _ = read(bytes, &ReadOptions::default());
    for format in FORMATS {
        for independent in [false, true] {
            let _ = read(bytes, &ReadOptions { format: Some(*format), independent, workload: None });
        }
    }
    let options = ReadOptions { format: find(format), ..ReadOptions::default() };
    read(bytes, &options).map(|recording| recording.history.operations())
}

fn refused(format: &str, bytes: &[u8]) -> String {
    let error = said(format, bytes).expect_err("refused");
    assert!(error.excerpt.as_ref().is_none_or(|excerpt| excerpt.chars().count() < 130 && !excerpt.contains(char::is_control)));
    format!("{}:{}: {}", error.line.unwrap_or(0), error.column.unwrap_or(0), error.message)
}

fn quickly<T>(what: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = what();
    assert!(start.elapsed() < Duration::from_secs(20), "took {:?}", start.elapsed());
    result
}

const DEEP: usize = 1_000_000;

#[test]
fn depth_is_refused_or_skipped() {
    let deep = |open: &str, close: &str| open.repeat(DEEP) + &close.repeat(DEEP);
    let native = |value: &str| format!(r#"{{"session":1,"op":"read","key":1,"value":{value}}}"#);
    quickly(|| {
        let message = "1:170: nested more than 128 deep";
        assert_eq!(refused("jsonl", native(&deep("[", "]")).as_bytes()), message);
        let objects = "{\"a\":".repeat(DEEP) + "1" + &"}".repeat(DEEP);
        assert_eq!(refused("jsonl", native(&objects).as_bytes()), "1:682: nested more than 128 deep");
        // What is unknown is skipped, however deep.
        let skipped = native("1").replace("\"op\"", &format!("\"unknown\":{},\"op\"", deep("[", "]")));
        assert_eq!(said("jsonl", skipped.as_bytes()).unwrap(), 1);
        assert_eq!(refused("jsonl", deep("[", "]").as_bytes()), "1:1: invalid type: sequence, expected a JSON object");
        // A torn line alone leaves nothing that could be judged.
        assert_eq!(refused("jsonl", "{\"a\":".repeat(DEEP).as_bytes()), "1:5000000: the line ends inside a value");
    });
    quickly(|| {
        let edn = |value: &str| format!("{{:process 0 :type :ok :f :read :value {value}}}");
        assert_eq!(refused("jepsen-edn", edn(&deep("[", "]")).as_bytes()), "1:167: nested more than 128 deep");
        assert_eq!(refused("jepsen-edn", edn(&"#t ".repeat(DEEP)).as_bytes()), "1:423: nested more than 128 deep");
        assert_eq!(refused("jepsen-edn", edn(&"#_".repeat(DEEP)).as_bytes()), "1:295: nested more than 128 deep");
        assert_eq!(
            refused("jepsen-edn", edn(&format!("1 :x {}", deep("[", "]"))).as_bytes()),
            "1:1068: nested more than 1024 deep"
        );
        assert_eq!(
            refused("jepsen-edn", edn(&format!("1 :error {}", deep("[", "]"))).as_bytes()),
            "1:1072: nested more than 1024 deep"
        );
        assert_eq!(refused("jepsen-edn", "#_".repeat(DEEP).as_bytes()), "1:2051: nested more than 1024 deep");
        assert!(refused("jepsen-edn", deep("[", "]").as_bytes()).starts_with("1:2: expected an operation"));
    });
    quickly(|| {
        let json = format!("{{\"process\":0,\"type\":\"ok\",\"f\":\"read\",\"value\":{}}}", deep("[", "]"));
        assert_eq!(refused("jepsen-json", json.as_bytes()), "1:173: nested more than 128 deep");
        assert!(refused("jepsen-json", "[".repeat(DEEP).as_bytes()).contains("EOF while parsing"));
    });
}

#[test]
fn a_hundred_megabytes_on_one_line() {
    const LONG: usize = 100 << 20;
    let options = |format| ReadOptions { format: find(format), ..ReadOptions::default() };
    let long = |before: &str, fill: u8, after: &str| {
        let mut bytes = before.as_bytes().to_vec();
        bytes.resize(before.len() + LONG, fill);
        bytes.extend_from_slice(after.as_bytes());
        bytes
    };
    quickly(|| {
        let spaces = long("", b' ', "");
        assert!(read(&spaces, &ReadOptions::default()).err().unwrap().is_unrecognised());
        for format in FORMATS.iter().filter(|format| format.name() != "parquet") {
            assert_eq!(read(&spaces, &options(format.name())).err().unwrap().message, "no operations");
        }
    });
    quickly(|| {
        let text = long(r#"{"session":1,"op":"read","key":1,"value":""#, b'x', "\"}");
        assert_eq!(read(&text, &ReadOptions::default()).unwrap().history.operations(), 1);
        let digits = long(r#"{"session":1,"op":"read","key":1,"value":"#, b'7', "}");
        assert_eq!(read(&digits, &ReadOptions::default()).err().unwrap().message, "an integer beyond 128 bits");
        let word = long("{:process 0 :type :ok :f :", b'x', "}");
        let error = read(&word, &ReadOptions::default()).err().unwrap();
        assert!(error.message.len() < 250 && error.message.starts_with("unknown :f :xxxx"), "{}", error.message);
        let number = long("w(1,", b'7', ",1,1)");
        assert_eq!(read(&number, &ReadOptions::default()).err().unwrap().message, "an integer beyond 128 bits");
        let escapes = long(r#"{"session":1,"op":"read","key":1,"value":""#, b'\\', "\"}");
        assert_eq!(read(&escapes, &ReadOptions::default()).unwrap().history.operations(), 1);
    });
}

#[test]
fn a_packed_bomb_is_refused() {
    quickly(|| {
        let mut frame = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
        let zeros = vec![b' '; 1 << 20];
        for _ in 0..1025 {
            frame.write_all(&zeros).unwrap();
        }
        let bomb = frame.finish().unwrap();
        let error = read(&bomb, &ReadOptions::default()).err().unwrap();
        let message = format!("zstd: {} bytes unpack to more than {}: refused; unpack the file first", bomb.len(), 1u64 << 30);
        assert_eq!(error.message, message);
    });
}

#[test]
fn broken_bytes_have_their_place() {
    let native = r#"{"session":1,"op":"read","key":1,"value":1}"#;
    for (format, bytes, message) in [
        ("jsonl", [native.as_bytes(), b"\n\0"].concat(), "2:1: expected value"),
        (
            "jsonl",
            native.replace("\"read\"", "\"re\0ad\"").into_bytes(),
            "1:21: control character (\\u0000-\\u001F) found while parsing a string",
        ),
        ("jsonl", [native.as_bytes(), b"\n{\"a\":\"\xff\"}\n"].concat(), "2:7: invalid UTF-8"),
        ("jsonl", [native.as_bytes(), b"\xc3"].concat(), "1:44: invalid UTF-8"),
        ("jsonl", vec![0; 100], "1:1: expected value"),
        ("jsonl", b"{\"testimony\":1}\n".to_vec(), "0:0: no operations"),
        ("jepsen-edn", b"{:process 0 :type :ok :f \0}".to_vec(), "1:26: unexpected character `\\0`"),
        ("jepsen-edn", b"{:process 0\n:type \xff}".to_vec(), "2:7: invalid UTF-8"),
        ("jepsen-edn", b";\n;; only comments".to_vec(), "0:0: no operations"),
        ("jepsen-json", b"{\"process\":\xc3\x28}".to_vec(), "1:12: invalid UTF-8"),
        ("jepsen-json", b"[\0]".to_vec(), "1:2: expected value"),
        ("plume", b"w(1,1,1,1)\nw(1,\xff".to_vec(), "2:5: expected an integer for the value, found `\u{fffd}`"),
        ("plume", b"w(1,\0".to_vec(), "1:5: expected an integer for the value, found `\\0`"),
    ] {
        assert_eq!(refused(format, &bytes), message, "{}", String::from_utf8_lossy(&bytes));
    }
    for format in FORMATS.iter().filter(|format| format.name() != "parquet") {
        assert_eq!(refused(format.name(), b""), "0:0: no operations");
        assert_eq!(refused(format.name(), b"\xef\xbb\xbf"), "0:0: no operations");
    }
}

#[test]
fn random_bytes_are_survived() {
    for seed in 0..2000 {
        let mut random = Random::new(seed);
        let bytes: Vec<u8> = match random.below(2) {
            0 => (0..random.below(200)).map(|_| random.next() as u8).collect(),
            _ => (0..random.below(200)).map(|_| b"{}[]():\"\\#_^;,.0123456789 \nrwNM/txnokf:"[random.below(39)]).collect(),
        };
        let _ = said("jsonl", &bytes);
    }
}

#[test]
fn mutants_are_survived() {
    let native = random::native(1, "jsonl") + &random::native(2, "jsonl");
    let edn = r#"; comment
[#jepsen.history.Op{:process 0, :type :invoke, :f :txn, :value [[:r x nil] [:append :y 1]], :time 10, :index 0}
 {:process 0, :type :ok, :f :txn, :value [[:r x #{1 2.5M \a}] [:append :y 1]], :time 12, :index 1, :node "n\u00e9\n"}
 {:process :nemesis, :type :info, :f :start, :value #:a{:b ##Inf}} #_{:skipped 0x7F}
 {:process 3, :type :info, :f :cas, :value [1 ^m 2], :error [:a "b"], :exception {:via [1/2 (3 4)]}, :final? true}]"#;
    let json = r#"[{"process":0,"type":"invoke","f":"cas","value":[1,2],"time":1},
{"process":0,"type":"ok","f":"cas","value":[1,2],"error":{"a":["\u00e9\ud83d\ude00",1e5,-7]},"more":null}]"#;
    let plume = "w(1,2,3,4)\r\nr( 1 ,2,3,4)\nw(9,9,7,-1)\nw(12345678901234567890,5,3,3)\n";
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(plume.as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    let zstd = zstd::encode_all(plume.as_bytes(), 1).unwrap();
    let originals: [&[u8]; 6] = [native.as_bytes(), edn.as_bytes(), json.as_bytes(), plume.as_bytes(), &gzip, &zstd];
    let (mut read_all_the_same, mut refused) = (0, 0);
    for seed in 0..6000 {
        let mut random = Random::new(seed);
        let mut bytes = originals[seed as usize % originals.len()].to_vec();
        for _ in 0..1 + random.below(3) {
            let at = random.below(bytes.len());
            match random.below(6) {
                0 => bytes[at] = random.next() as u8,
                1 => bytes[at] ^= 1 << random.below(8),
                2 => bytes.truncate(at.max(1)),
                3 => bytes.insert(at, b"\"{}[]()\\:,#\0\n9-"[random.below(15)]),
                4 => {
                    bytes.remove(at);
                }
                _ => {
                    let end = (at + random.below(30)).min(bytes.len());
                    let piece = bytes[at..end].to_vec();
                    let into = random.below(bytes.len());
                    bytes.splice(into..into, piece);
                }
            }
            if bytes.is_empty() {
                bytes.push(b' ');
            }
        }
        let _ = said("jsonl", &bytes);
        match read(&bytes, &ReadOptions::default()) {
            Ok(recording) => {
                read_all_the_same += 1;
                // What is read can be written, by every format, as well as that format can.
                for format in FORMATS {
                    format.write(&recording.history, true, &mut Vec::new()).unwrap();
                }
            }
            Err(error) => {
                refused += 1;
                assert!(!error.message.is_empty());
            }
        }
    }
    assert!(read_all_the_same > 300 && refused > 2000, "{read_all_the_same} read, {refused} refused");
}

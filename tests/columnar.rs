//! The format `parquet`: what is written is read again, other writers' files are read, and damaged ones are refused.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::{Compression, Encoding, LogicalType, Repetition, TimeUnit, Type as PhysicalType, ZstdLevel};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, FloatType, Int32Type, Int64Type};
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder, WriterVersion};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::record::RowAccessor;
use parquet::schema::types::Type;
use testimony::check::{Options, check};
use testimony::format::{ReadError, ReadOptions, WriteError, find, read};
use testimony::history::{Event, History, HistoryBuilder, KeyId, Kind, OpInput, TxnInput, ValueId};

mod random;
use random::Random;

fn written(history: &History, format: &str) -> Result<Vec<u8>, WriteError> {
    let mut bytes = Vec::new();
    find(format).unwrap().write(history, false, &mut bytes).map(|()| bytes)
}

fn parquet_of(history: &History) -> Vec<u8> {
    written(history, "parquet").unwrap_or_else(|error| panic!("{error}"))
}

fn history(bytes: &[u8]) -> History {
    read(bytes, &ReadOptions::default()).unwrap_or_else(|error| panic!("{error}")).history
}

fn refused(bytes: &[u8]) -> ReadError {
    read(bytes, &ReadOptions::default()).err().expect("it is refused")
}

/// The `parquet` crate's own reader.
fn other_reader(bytes: &[u8], name: &str) -> SerializedFileReader<File> {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("columnar-{name}.parquet"));
    fs::write(&path, bytes).unwrap();
    SerializedFileReader::new(File::open(path).unwrap()).unwrap()
}

/// All that is known of each operation, in the order of the rows, and of the whole.
fn facts(history: &History) -> Vec<String> {
    let text = |value: ValueId| format!("{:?} {}", history.values().get(value), history.value_text(value));
    // Collections are shown by their elements, which are ids; what they are is in their text.
    let text =
        |value: ValueId| if testimony::history::Values::is_collection(value) { history.value_text(value) } else { text(value) };
    let mut facts: Vec<String> = history
        .ops()
        .map(|op| {
            let txn = history.txn(op);
            format!(
                "line {} txn {} session {} {:?} {:?} {:?} node {:?} error {:?} | {:?} {} {:?} {:?} version {:?} final {}",
                history.line(op),
                txn.index(),
                text(history.session_name(history.session(op))),
                history.status(op),
                history.invoked(txn),
                history.completed(txn),
                history.node(txn).map(|node| text(history.node_name(node))),
                history.error(txn),
                history.kind(op),
                text(history.key_name(history.key(op))),
                history.read_value(op).map(text),
                history.written_value(op).map(text),
                history.version(op),
                history.is_final(op),
            )
        })
        .collect();
    for key in (0..history.keys()).map(KeyId::new) {
        facts.push(format!("{} {:?} {}", text(history.key_name(key)), history.key_type(key), text(history.initial(key))));
    }
    facts.push(format!("{:?} {:?} {:?}", history.about(), history.events(), history.transactions()));
    facts
}

fn corpus() -> Vec<PathBuf> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("histories")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            let name = path.to_string_lossy();
            if path.is_dir() {
                folders.push(path);
            } else if !name.ends_with(".expected.json") && !name.ends_with(".md") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

#[test]
fn the_corpus_is_given_back_and_judged_the_same() {
    let files = corpus();
    assert!(files.len() > 80);
    for path in files {
        let original = history(&fs::read(&path).unwrap());
        let bytes = match written(&original, "parquet") {
            Err(error) if path.file_stem().is_some_and(|name| name == "transaction-empty") => {
                assert_eq!(error.to_string(), "parquet cannot hold a transaction without operations");
                continue;
            }
            written => written.unwrap_or_else(|error| panic!("{}: {error}", path.display())),
        };
        let back = history(&bytes);
        let (before, after) = (facts(&original), facts(&back));
        if let Some((before, after)) = before.iter().zip(&after).find(|(before, after)| before != after) {
            panic!("{}:\n{before}\n{after}", path.display());
        }
        assert_eq!(before.len(), after.len(), "{}", path.display());
        // (Read once more, for a header that declares nothing is not written again.)
        if let Ok(lines) = written(&original, "jsonl") {
            assert!(written(&back, "jsonl").unwrap() == written(&history(&lines), "jsonl").unwrap(), "{}", path.display());
        }
        if original.operations() < 2000 {
            let judged = |history: &History| format!("{:?}", check(history, &Options::default()).judgements);
            assert_eq!(judged(&original), judged(&back), "{}", path.display());
        }
    }
}

#[test]
fn random_histories_are_given_back() {
    for seed in 0..1500 {
        let text = random::native(seed, "jsonl");
        let original = history(text.as_bytes());
        match written(&original, "parquet") {
            Ok(bytes) => assert_eq!(facts(&history(&bytes)), facts(&original), "seed {seed}\n{text}"),
            Err(error) => assert_eq!(error.to_string(), "parquet cannot hold a transaction without operations", "seed {seed}"),
        }
    }
}

/// Every field, in more than one row group, with names and values of every kind.
#[test]
fn every_fact_is_given_back() {
    let mut random = Random::new(7);
    let mut builder = HistoryBuilder::new();
    builder.about("nightly \"run\" 17".into());
    let kinds = [Kind::Read, Kind::Write, Kind::Cas];
    for line in 0..600_000u32 {
        let session = builder.values.int(random.below(1000) as i128 - 3);
        let node = (random.below(3) > 0).then(|| builder.values.string(["a", "b", "ü"][random.below(3)]));
        let invoke_ns = (!random.one_in(9)).then(|| random.next() as i64 >> 2);
        builder.begin(TxnInput {
            session,
            status: [testimony::history::Status::Ok, testimony::history::Status::Info][usize::from(random.one_in(5))],
            invoke_ns,
            complete_ns: invoke_ns.filter(|_| random.one_in(2)).map(|time| time + random.below(1 << 20) as i64),
            node,
        });
        if random.one_in(100) {
            builder.error(format!("{{\"code\":{}}}", random.below(20)));
        }
        for _ in 0..1 + random.below(2) {
            let kind = kinds[random.below(3)];
            let key = match random.below(3) {
                0 => builder.values.int(random.below(50) as i128),
                1 => builder.values.string(&format!("key{}", random.below(50))),
                _ => ValueId::NULL,
            };
            let mut value = || match random.below(6) {
                0 => ValueId::NULL,
                1 => builder.values.float(random.below(100) as f64 / 8.0),
                2 => builder.values.bool(random.one_in(2)),
                3 => builder.values.string("1"),
                4 => builder.values.int(i128::MIN + random.below(9) as i128),
                _ => builder.values.int(random.below(1 << 20) as i128),
            };
            let (value, to) = (value(), value());
            builder.op(OpInput {
                to,
                version: (!random.one_in(3)).then(|| i128::MAX - random.below(99) as i128),
                is_final: kind == Kind::Read && random.one_in(10),
                line: line / 2 + 5,
                ..OpInput::new(kind, key, value)
            });
        }
    }
    let seven = builder.values.int(7);
    let key = builder.values.string("key7");
    builder.initial(Some(key), seven);
    builder.event(Event { line: 2, time_ns: Some(-5), text: "{:process :nemesis, :f \"kill\"}".into() });
    builder.event(Event { line: 9, time_ns: None, text: "é\n".into() });
    let original = builder.finish().unwrap();
    let bytes = parquet_of(&original);
    let reader = other_reader(&bytes, "every-fact");
    assert!(reader.num_row_groups() > 2);
    assert!(facts(&history(&bytes)) == facts(&original));
}

#[test]
fn what_only_edn_can_spell_is_given_back() {
    let text = r#"{:process 0, :type :ok, :f :txn, :value [[:w :x 1] [:r "x" :a] [:w x "a"] [:w [1 :x] #{1 2}] [:r nil {:k 1/2}]]}
{:process :nemesis, :type :info, :f :start, :value nil, :time 5}
{:process 1, :type :ok, :f :txn, :value [[:r :x #inst "2020-01-01"] [:w \a 1.5M] [:r {"a" 1} [[1.0 nil] "\"\n"]]]}"#;
    let original = history(text.as_bytes());
    let back = history(&parquet_of(&original));
    assert_eq!(facts(&back), facts(&original));
    let edn = |history: &History| {
        let mut bytes = Vec::new();
        find("jepsen-edn").unwrap().write(history, true, &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    };
    assert_eq!(edn(&back), edn(&original));
}

#[test]
fn what_has_no_place_is_named() {
    let empty = history(b"{\"session\":1,\"txn\":[]}\n{\"session\":1,\"op\":\"read\",\"key\":1,\"value\":1}\n");
    assert_eq!(written(&empty, "parquet").unwrap_err().to_string(), "parquet cannot hold a transaction without operations");
    let mut bytes = Vec::new();
    find("parquet").unwrap().write(&empty, true, &mut bytes).unwrap();
    assert_eq!(history(&bytes).operations(), 1);
    let mut keyword = history(b"{:process 0, :type :ok, :f :txn, :value [[:w :x 1]]}");
    keyword.set_initial(Some(KeyId::new(0)), ValueId(4));
    let message = written(&keyword, "parquet").unwrap_err().to_string();
    assert_eq!(message, "parquet cannot hold `initial` of a key or value that only EDN can spell");
    keyword.set_initial(Some(KeyId::new(0)), ValueId::NULL);
    keyword.set_initial(None, ValueId(4));
    assert_eq!(facts(&history(&parquet_of(&keyword))), facts(&keyword));
}

/// Other readers see the native format's fields.
#[test]
fn another_reader_sees_the_fields() {
    let original = history(
        br#"{"session":"alice","op":"write","key":"x","value":7,"invoke_ns":10,"complete_ns":20,"version":3}
{"session":"bob","op":"read","key":"x","value":null,"final":true,"status":"ok"}
"#,
    );
    let reader = other_reader(&parquet_of(&original), "fields");
    let schema = reader.metadata().file_metadata().schema();
    let names: Vec<&str> = schema.get_fields().iter().map(|field| field.name()).collect();
    assert_eq!(names, ["session", "op", "key", "value", "invoke_ns", "complete_ns", "version", "final"]);
    let chunk = reader.metadata().row_group(0).column(2);
    assert!(chunk.dictionary_page_offset().is_some(), "keys are dictionary-coded");
    assert!(matches!(chunk.compression(), Compression::ZSTD(_)));
    let rows: Vec<_> = reader.get_row_iter(None).unwrap().map(Result::unwrap).collect();
    assert_eq!((rows[0].get_string(0).unwrap().as_str(), rows[0].get_long(3).unwrap()), ("alice", 7));
    assert_eq!((rows[1].get_string(1).unwrap().as_str(), rows[1].get_bool(7).unwrap()), ("read", true));
    assert!(rows[1].get_long(3).is_err(), "null");
}

/// A column of another writer's file.
enum Cells<'a> {
    Text(&'a [&'a str]),
    Json(&'a [&'a str]),
    Bytes(&'a [&'a [u8]]),
    Optional(&'a [Option<&'a str>]),
    Int64(&'a [i64]),
    Int32(&'a [i32]),
    Nanoseconds(&'a [i64]),
    Microseconds(&'a [i64]),
    Double(&'a [f64]),
    Float(&'a [f32]),
    Bool(&'a [bool]),
    List(&'a [i64]),
}

fn file(properties: WriterPropertiesBuilder, columns: &[(&str, Cells)]) -> Vec<u8> {
    let fields = columns.iter().map(|(name, cells)| {
        use PhysicalType::*;
        let timestamp = |unit| Some(LogicalType::timestamp(true, unit));
        let (physical, logical) = match cells {
            Cells::Text(_) | Cells::Optional(_) => (BYTE_ARRAY, Some(LogicalType::String)),
            Cells::Json(_) => (BYTE_ARRAY, Some(LogicalType::Json)),
            Cells::Bytes(_) => (BYTE_ARRAY, None),
            Cells::Int64(_) | Cells::List(_) => (INT64, None),
            Cells::Int32(_) => (INT32, None),
            Cells::Nanoseconds(_) => (INT64, timestamp(TimeUnit::NANOS)),
            Cells::Microseconds(_) => (INT64, timestamp(TimeUnit::MICROS)),
            Cells::Double(_) => (DOUBLE, None),
            Cells::Float(_) => (FLOAT, None),
            Cells::Bool(_) => (BOOLEAN, None),
        };
        let repetition = match cells {
            Cells::Optional(_) => Repetition::OPTIONAL,
            Cells::List(_) => Repetition::REPEATED,
            _ => Repetition::REQUIRED,
        };
        Arc::new(
            Type::primitive_type_builder(name, physical).with_repetition(repetition).with_logical_type(logical).build().unwrap(),
        )
    });
    let schema = Arc::new(Type::group_type_builder("any").with_fields(fields.collect()).build().unwrap());
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties.build())).unwrap();
    let mut group = writer.next_row_group().unwrap();
    for (_, cells) in columns {
        let mut into = group.next_column().unwrap().unwrap();
        let texts = |texts: &[&str]| -> Vec<ByteArray> { texts.iter().map(|&text| ByteArray::from(text)).collect() };
        match cells {
            Cells::Text(cells) | Cells::Json(cells) => into.typed::<ByteArrayType>().write_batch(&texts(cells), None, None),
            Cells::Bytes(cells) => {
                let cells: Vec<ByteArray> = cells.iter().map(|&bytes| ByteArray::from(bytes.to_vec())).collect();
                into.typed::<ByteArrayType>().write_batch(&cells, None, None)
            }
            Cells::Optional(cells) => {
                let levels: Vec<i16> = cells.iter().map(|cell| i16::from(cell.is_some())).collect();
                let filled: Vec<&str> = cells.iter().flatten().copied().collect();
                into.typed::<ByteArrayType>().write_batch(&texts(&filled), Some(&levels), None)
            }
            Cells::Int64(cells) | Cells::Nanoseconds(cells) | Cells::Microseconds(cells) => {
                into.typed::<Int64Type>().write_batch(cells, None, None)
            }
            Cells::List(cells) => {
                let levels = vec![1; cells.len()];
                into.typed::<Int64Type>().write_batch(cells, Some(&levels), Some(&vec![0; cells.len()]))
            }
            Cells::Int32(cells) => into.typed::<Int32Type>().write_batch(cells, None, None),
            Cells::Double(cells) => into.typed::<DoubleType>().write_batch(cells, None, None),
            Cells::Float(cells) => into.typed::<FloatType>().write_batch(cells, None, None),
            Cells::Bool(cells) => into.typed::<BoolType>().write_batch(cells, None, None),
        }
        .unwrap();
        into.close().unwrap();
    }
    group.close().unwrap();
    writer.into_inner().unwrap()
}

fn plain() -> WriterPropertiesBuilder {
    WriterProperties::builder()
}

/// The ways in which writers differ: versions of pages, codecs, encodings, sizes of pages.
fn ways() -> Vec<WriterPropertiesBuilder> {
    let mut ways = Vec::new();
    for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
        for codec in [Compression::UNCOMPRESSED, Compression::SNAPPY, Compression::ZSTD(ZstdLevel::default())] {
            for dictionary in [true, false] {
                for limit in [3, 1 << 20] {
                    // (Its default for text in version 2 is not read here.)
                    let plain = ["op", "key"].iter().fold(plain(), |way, &name| {
                        let encoding = match version {
                            WriterVersion::PARQUET_1_0 => Encoding::PLAIN,
                            WriterVersion::PARQUET_2_0 => Encoding::DELTA_LENGTH_BYTE_ARRAY,
                        };
                        way.set_column_encoding(name.into(), encoding)
                    });
                    let way = plain.set_writer_version(version).set_compression(codec).set_dictionary_enabled(dictionary);
                    ways.push(way.set_data_page_row_count_limit(limit).set_write_batch_size(limit.min(1024)));
                }
            }
        }
    }
    ways
}

#[test]
fn files_of_other_writers_are_read() {
    let n = 100usize;
    let sessions: Vec<i32> = (0..n as i32).map(|i| i % 7 - 3).collect();
    let ops: Vec<&str> = (0..n).map(|i| if i % 3 == 0 { "write" } else { "read" }).collect();
    let keys: Vec<Option<&str>> = (0..n).map(|i| [Some("x"), None, Some("yy"), Some("")][i % 4]).collect();
    let values: Vec<i64> = (0..n as i64).map(|i| (i * i - 50) << (i % 40)).collect();
    let times: Vec<i64> = (0..n as i64).map(|i| i * 1000 - 5).collect();
    let finals: Vec<bool> = (0..n).map(|i| i % 3 == 1 && i % 5 == 0).collect();
    let mut all = Vec::new();
    for way in ways() {
        let bytes = file(
            way,
            &[
                ("unknown", Cells::Double(&vec![0.5; n])),
                ("session", Cells::Int32(&sessions)),
                ("op", Cells::Text(&ops)),
                ("key", Cells::Optional(&keys)),
                ("value", Cells::Int64(&values)),
                ("invoke_ns", Cells::Nanoseconds(&times)),
                ("final", Cells::Bool(&finals)),
                ("tags", Cells::List(&values)),
            ],
        );
        all.push(facts(&history(&bytes)));
    }
    assert_eq!(all[0].len(), n + 4 + 1);
    assert!(all[0][5].starts_with("line 6 txn 5 session Int(2) 2 Ok Some(4995) None"), "{}", all[0][5]);
    assert!(all.iter().all(|facts| *facts == all[0]));
}

#[test]
fn every_type_of_value_is_what_it_is() {
    let text_of = |cells: Cells| {
        let history = history(&file(
            plain().set_column_encoding("value".into(), Encoding::PLAIN).set_dictionary_enabled(false),
            &[
                ("session", Cells::Int64(&[1, 1])),
                ("op", Cells::Bytes(&[b"write", b"read"])),
                ("key", Cells::Text(&["k", "k"])),
                ("value", cells),
            ],
        ));
        history
            .ops()
            .map(|op| history.value_text(history.read_value(op).or(history.written_value(op)).unwrap()))
            .collect::<Vec<_>>()
    };
    assert_eq!(text_of(Cells::Text(&["1", "null"])), ["\"1\"", "\"null\""]);
    assert_eq!(text_of(Cells::Json(&[" 1 ", "null"])), ["1", "null"]);
    assert_eq!(text_of(Cells::Json(&["[1, {\"b\":1,\"a\":2}]", "1e2"])), ["[1,{\"a\":2,\"b\":1}]", "100.0"]);
    assert_eq!(text_of(Cells::Double(&[1.0, 0.1])), ["1.0", "0.1"]);
    assert_eq!(text_of(Cells::Float(&[1.0, 0.5])), ["1.0", "0.5"]);
    assert_eq!(text_of(Cells::Bool(&[true, false])), ["true", "false"]);
    assert_eq!(text_of(Cells::Int64(&[i64::MIN, i64::MAX])), [i64::MIN.to_string(), i64::MAX.to_string()]);
}

#[test]
fn rows_of_one_number_are_a_transaction() {
    let of = |sessions: &[i64], txns: &[i64], times: &[i64]| {
        let n = sessions.len();
        file(
            plain(),
            &[
                ("session", Cells::Int64(sessions)),
                ("op", Cells::Text(&vec!["write"; n])),
                ("key", Cells::Int64(&vec![1; n])),
                ("value", Cells::Int64(&vec![1; n])),
                ("txn", Cells::Int64(txns)),
                ("invoke_ns", Cells::Int64(times)),
            ],
        )
    };
    let numbers = |bytes: &[u8]| -> Vec<usize> {
        let history = history(bytes);
        history.ops().map(|op| history.txn(op).index()).collect()
    };
    assert_eq!(numbers(&of(&[1, 1, 2, 2, 1], &[5, 5, 5, 6, 4], &[0; 5])), [0, 0, 1, 2, 3]);
    let message = refused(&of(&[1, 1, 1], &[5, 6, 5], &[0; 3])).message;
    assert_eq!(message, "parquet: row 3: transaction 5 of its session comes back: its rows must stand together");
    let message = refused(&of(&[1, 1, 1], &[5, 5, 5], &[0, 0, 1])).message;
    assert_eq!(message, "parquet: row 3: another `invoke_ns` than in the row before, of the same transaction");
}

#[test]
fn files_that_are_no_histories_say_why() {
    let session = || ("session", Cells::Int64(&[1]));
    let op = |op: &'static [&'static str]| ("op", Cells::Text(op));
    let key = || ("key", Cells::Text(&["k"]));
    let value = || ("value", Cells::Int64(&[1]));
    for (columns, message) in [
        (vec![("a", Cells::Int64(&[1]))], "no column `session`: not a history"),
        (vec![session(), op(&["read"])], "no column `key`: not a history"),
        (vec![session(), op(&["read"]), key()], "row 1: a read and no column `value`"),
        (vec![session(), op(&["cas"]), key()], "row 1: a cas needs both columns `from` and `to`"),
        (vec![session(), op(&["read"]), key(), value(), ("key_edn", Cells::Text(&["1"]))], "more than one column for `key`"),
        (vec![session(), op(&["raed"]), key(), value()], "column `op`: row 1: unknown op \"raed\"; expected read, write, cas"),
        (vec![session(), ("op", Cells::Int64(&[1])), key(), value()], "column `op`: row 1: expected text"),
        (vec![session(), ("op", Cells::Bytes(&[b"\xff"])), key(), value()], "column `op`: row 1: invalid UTF-8"),
        (vec![("session", Cells::Json(&["null"])), op(&["read"]), key(), value()], "column `session`: row 1: no session"),
        (vec![session(), op(&["read"]), key(), ("value", Cells::Json(&["[1"]))], "column `value`: row 1: EOF"),
        (
            vec![session(), op(&["read"]), key(), ("value", Cells::Double(&[f64::NAN]))],
            "column `value`: row 1: a number that is not finite",
        ),
        (
            vec![session(), op(&["read"]), key(), ("value_edn", Cells::Text(&["1 2"]))],
            "column `value_edn`: row 1: not one EDN value",
        ),
        (
            vec![session(), op(&["read"]), key(), ("value_edn", Cells::Text(&["1]"]))],
            "column `value_edn`: row 1: not one EDN value",
        ),
        (vec![session(), op(&["read"]), key(), ("value", Cells::List(&[1]))], "column `value`: nested"),
        (vec![session(), op(&["increment"]), key(), ("value", Cells::Double(&[1.0]))], "row 1: a counter counts by integers"),
        (
            vec![session(), op(&["read"]), key(), value(), ("to", Cells::Int64(&[1]))],
            "row 1: `from` or `to` on a read: only a cas",
        ),
        (
            vec![session(), op(&["cas"]), key(), value(), ("from", Cells::Int64(&[1])), ("to", Cells::Int64(&[1]))],
            "row 1: a cas has `from` and `to` in place of `value`",
        ),
        (vec![session(), op(&["write"]), key(), value(), ("final", Cells::Bool(&[true]))], "row 1: `final` on a write"),
        (
            vec![session(), op(&["write"]), key(), value(), ("invoke_ns", Cells::Microseconds(&[1]))],
            "column `invoke_ns`: a timestamp that is not in nanoseconds",
        ),
        (
            vec![session(), op(&["write"]), key(), value(), ("invoke_ns", Cells::Int64(&[i64::MIN]))],
            "column `invoke_ns`: row 1: a time that does not fit 64 bits",
        ),
        (
            vec![
                session(),
                op(&["write"]),
                key(),
                value(),
                ("invoke_ns", Cells::Int64(&[9])),
                ("complete_ns", Cells::Int64(&[8])),
            ],
            "line 1: completed at 8 ns, before it was invoked at 9 ns",
        ),
        (
            vec![session(), op(&["write"]), key(), value(), ("version", Cells::Text(&["1x"]))],
            "column `version`: row 1: expected integers",
        ),
        (vec![session(), op(&["write"]), key(), value(), ("line", Cells::Int64(&[-1]))], "column `line`: row 1: a line number"),
    ] {
        let error = refused(&file(plain(), &columns));
        assert!(error.message.starts_with(&format!("parquet: {message}")), "{}\n{message}", error.message);
        assert_eq!((error.line, error.excerpt), (None, None));
    }
    let way = plain().set_dictionary_enabled(false).set_encoding(Encoding::DELTA_BYTE_ARRAY);
    let bytes = file(way, &[("session", Cells::Text(&["a"])), op(&["read"]), key(), ("value", Cells::Text(&["v"]))]);
    assert_eq!(refused(&bytes).message, "parquet: column `session`: the encoding DELTA_BYTE_ARRAY, which is not read here");
}

/// Small files that hold everything, packed and not, to be damaged.
fn samples() -> Vec<Vec<u8>> {
    let mut samples = Vec::new();
    let mut seed = 0;
    while samples.len() < 6 {
        let original = history(random::native(seed, "jsonl").as_bytes());
        samples.extend(written(&original, "parquet").ok());
        seed += 1;
    }
    let n = 40usize;
    let keys: Vec<Option<&str>> = (0..n).map(|i| [Some("x"), None, Some("yy")][i % 3]).collect();
    let ops: Vec<&str> = (0..n).map(|i| if i % 3 == 0 { "write" } else { "read" }).collect();
    for way in ways().into_iter().step_by(2) {
        let numbers: Vec<i64> = (0..n as i64).map(|i| i * i * 1000).collect();
        samples.push(file(
            way,
            &[
                ("session", Cells::Int32(&[3; 40])),
                ("op", Cells::Text(&ops)),
                ("key", Cells::Optional(&keys)),
                ("value", Cells::Int64(&numbers)),
                ("final", Cells::Bool(&[false; 40])),
            ],
        ));
    }
    samples
}

#[test]
fn damaged_files_are_refused_or_read_but_never_more() {
    let mut random = Random::new(11);
    let (mut held, mut refused) = (0, 0);
    for sample in samples() {
        for cut in 0..sample.len() {
            assert!(read(&sample[..cut], &ReadOptions::default()).is_err(), "{cut}");
        }
        for _ in 0..3000 {
            let mut bytes = sample.clone();
            for _ in 0..1 + random.below(3) {
                let at = random.below(bytes.len());
                match random.below(4) {
                    0 => bytes[at] ^= 1 << random.below(8),
                    1 => bytes[at] = [0, 0xff, 0x7f, 0x80][random.below(4)],
                    2 => bytes[at] = random.next() as u8,
                    _ => {
                        let (from, length) = (random.below(bytes.len()), 1 + random.below(16));
                        let piece = bytes[from..bytes.len().min(from + length)].to_vec();
                        bytes.splice(at..at, piece);
                    }
                }
            }
            match read(&bytes, &ReadOptions { format: find("parquet"), ..ReadOptions::default() }) {
                Ok(recording) => {
                    held += 1;
                    assert!(recording.history.operations() < 1 << 24);
                    find("jsonl").unwrap().write(&recording.history, true, &mut Vec::new()).unwrap();
                }
                Err(error) => {
                    refused += 1;
                    assert!(error.message.starts_with("parquet: ") && error.line.is_none(), "{}", error.message);
                }
            }
        }
    }
    assert!(held > 1000 && refused > 20_000, "{held} read, {refused} refused");
}

/// A footer that claims what the file cannot hold is refused before memory is taken for it.
#[test]
fn absurd_claims_are_refused() {
    // {2: [{4: "", 5: 0}], 3: 0, 4: [{1: [], 3: rows}]}
    let claimed = |rows: &[u8]| {
        let footer = [&[0x29, 0x1c, 0x48, 0, 0x15, 0, 0, 0x16, 0, 0x19, 0x1c, 0x19, 0x0c, 0x26][..], rows, &[0, 0]].concat();
        [b"PAR1", &footer[..], &(footer.len() as u32).to_le_bytes(), b"PAR1"].concat()
    };
    let message = refused(&claimed(&[0x80, 0x80, 0x80, 0x80, 0x08])).message;
    assert!(message.starts_with("parquet: ") && message.contains("claim 1073741824 rows: refused"), "{message}");
    assert_eq!(refused(&claimed(&[0x80, 0x80, 0x80, 0x80, 0x40])).message, "parquet: more than 2^32 rows");
    assert_eq!(refused(&claimed(&[0x01])).message, "parquet: the footer is damaged");
    assert_eq!(refused(&claimed(&[0x08])).message, "parquet: no column `session`: not a history");
    // A schema nested a hundred thousand deep.
    let deep = [&[0x29, 0xfc, 0xa0, 0x8d, 0x06][..], &[0x48, 1, b'a', 0x15, 2, 0].repeat(100_000), &[0]].concat();
    let deep = [b"PAR1", &deep[..], &(deep.len() as u32).to_le_bytes(), b"PAR1"].concat();
    assert_eq!(refused(&deep).message, "parquet: no column `session`: not a history");
    assert_eq!(refused(b"PAR1").message, "parquet: the file is cut off: it does not end with its footer");
}

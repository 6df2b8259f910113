use super::*;

/// The body, its blanks folded.
fn folded(text: &str) -> String {
    body("a.js", text).unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn every_form_of_export_is_taken() {
    for (text, made) in [
        ("export const a = 1, b = 2", "const a = 1, b = 2 __exports[\"a\"] = a; __exports[\"b\"] = b;"),
        ("export let a, b = [1, 2], c", "let a, b = [1, 2], c __exports[\"a\"] = a; __exports[\"b\"] = b; __exports[\"c\"] = c;"),
        // A statement that ends with its line, and one that does not.
        ("export const a = f\nconst c = 1, d = 2", "const a = f const c = 1, d = 2 __exports[\"a\"] = a;"),
        ("export const a = f\n(1, 2), d = 3", "const a = f (1, 2), d = 3 __exports[\"a\"] = a; __exports[\"d\"] = d;"),
        ("export const a = () =>\n b, d = 3;x, y", "const a = () => b, d = 3;x, y __exports[\"a\"] = a; __exports[\"d\"] = d;"),
        ("export const a = b\n++c, d", "const a = b ++c, d __exports[\"a\"] = a;"),
        (
            "export const a = `${[1, `,${2}`]}, x`, b = /[/,]/g, c = 4 / 2, d = ','",
            "const a = `${[1, `,${2}`]}, x`, b = /[/,]/g, c = 4 / 2, d = ',' __exports[\"a\"] = a; __exports[\"b\"] = b; __exports[\"c\"] = c; __exports[\"d\"] = d;",
        ),
        (
            "export var $ = function () { return 1, 2 }, ü = 1",
            "var $ = function () { return 1, 2 }, ü = 1 __exports[\"$\"] = $; __exports[\"ü\"] = ü;",
        ),
        ("export function migrate(item) {}", "function migrate(item) {} __exports[\"migrate\"] = migrate;"),
        ("export async function* a() {}", "async function* a() {} __exports[\"a\"] = a;"),
        ("export class A extends B {}", "class A extends B {} __exports[\"A\"] = A;"),
        (
            "const m = 1\nexport { m as default, n as 'a b', }; x",
            "const m = 1 ; ; x __exports[\"default\"] = m; __exports['a b'] = n;",
        ),
        ("export default { a: 1 }", "__exports.default = { a: 1 }"),
        ("export default function () {}\n(1)", "__exports.default = function () {}; (1)"),
        ("export default class { a = {} }\n[1]", "__exports.default = class { a = {} }; [1]"),
        ("export default class A {}", "class A {} __exports[\"default\"] = A;"),
        ("export default async function a() {}", "async function a() {} __exports[\"default\"] = a;"),
        ("export default async () => 1", "__exports.default = async () => 1"),
    ] {
        assert_eq!(folded(text), made, "{text}");
    }
}

#[test]
fn every_form_of_import_of_the_sdk_is_taken() {
    for (text, made) in [
        ("import { num, StringSet as S } from 'drift-sdk'; num()", "const {num: num, StringSet: S} = __drift; ; ; num()"),
        ("num()\nimport * as drift from \"drift-sdk\"", "const drift = __drift; num() ;"),
        ("import drift, { num } from 'drift-sdk'", "const drift = __drift; const {num: num} = __drift; ;"),
        ("import drift, * as all from 'drift-sdk'", "const drift = __drift; const all = __drift; ;"),
        ("import 'drift-sdk'", ";"),
        ("import from from 'drift-sdk'", "const from = __drift; ;"),
    ] {
        assert_eq!(folded(text), made, "{text}");
    }
}

#[test]
fn what_only_looks_like_it_is_left_alone() {
    for text in [
        "const a = `\nexport const b = 1\nimport x from 'y'\n${`\nexport * from 'x'`}`",
        "/* \nexport * from 'a' */ // import 'x'",
        "a.import(1); a?.import(2); b.export = 3; const c = { import() {}, export: 1, await: 2 }; class D { import() {} }",
        "if (a) /import('x')/.test(b); const r = b / 2 / importer / 1",
        "const a = 'export * from \\'b\\'';",
        "async function f() { await 1 }",
        "const e = 1e+5 + .5e-3 + 0xe + 1n",
    ] {
        assert_eq!(body("a.js", text).unwrap(), format!("{text}\n"), "{text}");
    }
}

#[test]
fn a_form_that_a_file_by_itself_cannot_have_is_named_with_its_line() {
    for (text, words) in [
        (
            "\n\nexport const { a, b } = c",
            "`export const { … } = …` is not taken: declare the names first, and `export { a, b }` them (a.js:3)",
        ),
        ("export let [a] = c", "`export let [ … ] = …`"),
        ("\nexport * from 'drift-sdk'", "`export *`"),
        ("export { a } from './b.js'", "`export { … } from`"),
        ("export type A = string", "`export type` is TypeScript"),
        ("export 1", "`export 1 …` is no form"),
        ("export { a, 1 }", "is no form"),
        ("export const a = 1\nexport { a }", "\"a\" is exported twice (a.js:2)"),
        (
            "\nimport _ from 'lodash'",
            "the file imports 'lodash'; a file by itself can import 'drift-sdk' only: bundle what else it needs into one file (a.js:2)",
        ),
        ("import type { Item } from 'drift-sdk'", "`import type { …` is no form"),
        ("import { a } fro", "is no form"),
        ("function f() {\n return import('x') }", "`import(…)` is not to be had"),
        ("const u = import.meta.url", "`import.meta`"),
        ("let a = 1;\nawait a", "nothing to wait for in it (a.js:2)"),
    ] {
        let said = body("a.js", text).unwrap_err();
        assert!(said.starts_with("SyntaxError: ") && said.contains(words), "{text}: {said}");
    }
}

#[test]
fn lines_and_columns_stay_and_broken_files_are_passed_on() {
    let text = "#!/usr/bin/env drift-host\nimport {\n  num,\n} from 'drift-sdk';\nexport const a = 1,\n  b = 2;\nexport {\n  c,\n}; d();\n";
    let made = "const {num: num} = __drift; ///usr/bin/env drift-host\n;       \n      \n                  ;\n       const a = 1,\n  b = 2;\n;       \n    \n ; d();\n\n__exports[\"a\"] = a; __exports[\"b\"] = b; __exports[\"c\"] = c; ";
    assert_eq!(body("a.js", text).unwrap(), made);
    for broken in [
        "const a = 'b",
        "`${",
        "`\\",
        "/*",
        "/[",
        "}}) `",
        "\"\\",
        "a = /\\",
        "import",
        "export",
        "export {",
        "export const",
        "'\\ü",
        "`\\ü",
    ] {
        let _whatever = body("a.js", broken);
    }
}

//! A run as one page: what it has, what it masks, and that nothing of an item is anything but text in it.

use std::path::{Path, PathBuf};

use drift_tests::World;
use drift_tests::browser::Browser;
use serde_json::{Value as Json, json};

/// Text that a careless page would carry out: by each way, it puts `owned` somewhere.
const HOSTILE: [&str; 9] = [
    "<script>document.title='owned'</script>",
    "</script><script>document.title='owned'</script>",
    "</style><img src=x onerror=\"document.title='owned'\">",
    "</title><svg onload=document.title='owned'>",
    "\"><a id=owned href=\"javascript:document.title='owned'\">x</a>",
    "' onfocus='document.title=1' autofocus='",
    "<!--<script>",
    "a\u{2028}b\u{2029}c\u{202e}drow\u{202c}\u{feff}\u{0}\u{1b}[31m",
    "&lt;b id=owned&gt; &#60;b id=owned>",
];

/// A table with a key of text and hostile names, values and keys.
fn hostile() -> World {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("things.jsonl");
    let line = |(n, text): (usize, &&str)| {
        json!({ "pk": format!("{n} {text}"), "n": n.to_string(), *text: text, "map": { *text: [text, n] }, "mail": "jane@example.org" }).to_string()
    };
    std::fs::write(&file, HOSTILE.iter().enumerate().map(line).collect::<Vec<_>>().join("\n")).unwrap();
    World { running: drift_tests::embedded(vec![format!("Things:pk={}", file.display()).parse().unwrap()]), dir }
}

/// A migration of which two items fail; the world's folder has the file.
fn script(world: &World) -> String {
    let text = "import { num } from 'drift-sdk';
export default {
  number: 9, name: '<b id=owned>change</b>', summary: '</p><script>document.title=\"owned\"</script>',
  migrate(item, context) {
    context.log.info(`<script>document.title='owned'</script> ${item.pk} \\u2028`);
    if (item.pk.startsWith('2 ') || item.pk.startsWith('7 ')) throw new Error(`<img src=x onerror=document.title='owned'> of ${item.mail} ${item.pk}`);
    item.n = num(item.n);
    delete item.mail;
    const hostile = Object.keys(item).find((name) => /[<&\\u2028']/.test(name));
    if (hostile) item[hostile] = [item[hostile], '</script>'];
  },
};
";
    let file = world.dir.path().join("change.js");
    std::fs::write(&file, text).unwrap();
    file.display().to_string()
}

fn planned(world: &World) -> String {
    let plugin = script(world);
    let (code, out, error) = world.drift_host(&["plan", &plugin, "--table", "Things", "--max-errors", "5"]);
    assert_eq!((code, out.contains("2 failed")), (1, true), "{out}{error}");
    world.only_run()
}

fn page(world: &World, run: &str, more: &[&str]) -> (PathBuf, String, String) {
    let file = world.dir.path().join("report.html");
    let (code, out, error) = world.drift_host(&[&["show", run, "-o", &file.display().to_string()], more].concat());
    assert_eq!((code, out.as_str()), (0, ""), "{error}");
    let html = std::fs::read_to_string(&file).unwrap();
    (file, html, error)
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_an_item_is_markup_and_nothing_hidden_stays_hidden() {
    let world = hostile();
    let run = planned(&world);
    for more in [&["--show-values"][..], &["--show-keys"], &[]] {
        let (_, html, _) = page(&world, &run, more);
        for (markup, times) in
            [("<script", 1), ("</script", 1), ("<style", 1), ("<img", 0), ("<svg onload", 0), ("<b id", 0), ("javascript:", 0)]
        {
            let escaped =
                if markup == "javascript:" { html.matches("href=\"javascript:").count() } else { html.matches(markup).count() };
            assert_eq!(escaped, times, "{markup} with {more:?}");
        }
        let hidden: Vec<char> = html.chars().filter(|c| !drift_host::model::is_plain(*c)).collect();
        assert!(hidden.is_empty() && html.contains("<span class=\"hidden-char\">U+202E</span>"), "{hidden:?} with {more:?}");
        assert!(html.contains("&lt;script&gt;"), "names are shown, as text");
        for asks in ["src=\"", "url(", "@import", "<link", "<iframe", "<base"] {
            assert!(!html.contains(asks), "{asks} with {more:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn values_are_masked_unless_that_is_asked_otherwise() {
    let world = hostile();
    let run = planned(&world);
    for (more, mail, keys, said) in [
        (&[][..], false, false, "values are masked"),
        (&["--show-keys"], false, true, "values are masked, keys are not"),
        (&["--show-values"], true, true, "values are not masked"),
    ] {
        let (_, html, error) = page(&world, &run, more);
        assert!(error.trim_end().ends_with(said), "{error}");
        assert_eq!(html.contains("jane@example.org"), mail, "with {more:?}");
        assert_eq!(html.contains("pk=8 &amp;lt;b id=owned"), keys, "with {more:?}");
        assert_eq!(html.contains("Values are masked"), !mail);
        assert!(html.contains("onerror=document.title=&#39;owned&#39;&gt; of "), "the migration's own words stay");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_images_no_text_is_passed_on_of_which_nobody_knows_what_it_repeats() {
    let world = World::with_items(&[r#"{"Id": 1, "v": 1, "mail": "jane@example.org"}"#, r#"{"Id": 2, "v": 1, "mail": "x"}"#]);
    let file = world.dir.path().join("change.js");
    let text = "export default { number: 9, name: 'x', migrate(item) { if (item.mail !== 'x') throw new Error('about ' + item.mail); item.touched = true; } };";
    std::fs::write(&file, text).unwrap();
    let plugin = file.display().to_string();
    let plan = ["plan", &plugin, "--table", "Things", "--max-errors", "1", "--no-images", "--guard", "version=v"];
    let (code, out, error) = world.drift_host(&plan);
    assert_eq!(code, 1, "{out}{error}");
    let run = world.only_run();
    let (_, html, _) = page(&world, &run, &[]);
    assert!(!html.contains("jane") && html.contains("(left out: ") && html.contains("keeps no images"), "{html}");
    let (_, html, _) = page(&world, &run, &["--show-values"]);
    assert!(html.contains("about jane@example.org"), "{html}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_has_so_many_items_and_says_of_how_many() {
    let items: Vec<String> = (1..=2_500).map(|n| format!("{{\"Id\": {n}, \"n\": \"{n}\"}}")).collect();
    let world = World::with_items(&items.iter().map(String::as_str).collect::<Vec<_>>());
    let file = world.dir.path().join("change.js");
    let text = "export default { number: 9, name: 'x', migrate(item) { item.touched = true; if (item.n.endsWith('77')) item.rare = 1; if (item.n === '5') throw new Error('five'); } };";
    std::fs::write(&file, text).unwrap();
    let (code, out, error) = world.drift_host(&["run", &file.display().to_string(), "--table", "Things", "--max-errors", "1"]);
    assert_eq!(code, 1, "{out}{error}");
    let run = world.only_run();
    let (_, html, error) = page(&world, &run, &["--items", "40"]);
    assert!(error.contains("40 of 2500 items"), "{error}");
    let parts: Vec<&str> = html.split("<details class=\"item\"").skip(1).collect();
    assert_eq!(parts.len(), 40);
    assert!(parts[0].contains("set touched") && parts[1].contains("set rare, touched"), "a shape each comes first");
    assert!(parts[2].contains("data-state=\"failed\"") && parts[2].contains("five"), "then what failed: {}", parts[2]);
    assert!(parts[3..].iter().all(|part| part.contains("data-state=\"done\"")));
    let places: std::collections::BTreeSet<&str> =
        parts.iter().map(|part| part.split("place in the plan @").nth(1).unwrap().split('/').next().unwrap()).collect();
    assert_eq!(places.len(), 4, "from every segment: {places:?}");
    assert!(html.contains("40 of 2500 items that are changed or failed"), "the page says so itself");
    let (_, all, _) = page(&world, &run, &["--items", "100000"]);
    assert_eq!(all.matches("<details class=\"item\"").count(), 2_500);
    let wrong = world.drift_host(&["show", &run, "-o", "/no/such/folder/x.html"]);
    assert!(wrong.0 == 2 && wrong.2.contains("/no/such/folder/x.html"), "{}", wrong.2);
}

/// Nothing was carried out but the page's own script.
fn unharmed(browser: &mut Browser) {
    assert!(browser.value("document.title").as_str().unwrap().starts_with("Migration 9 "));
    let planted = "document.querySelectorAll('[id=owned], img, iframe, object, embed, link, [onerror], [onload], [onfocus]').length + \
                   document.querySelectorAll('script, style').length";
    assert_eq!(browser.value(planted), json!(2), "the page's script and style, and nothing planted");
    assert_eq!((browser.requests(), browser.complaints()), (vec![], vec![]));
    let items = "document.querySelectorAll('details.item').length";
    assert_eq!(browser.value(items), json!(9));
    assert_eq!(browser.value("document.getElementById('find-shown').textContent"), json!("9 of 9 items shown"), "its script ran");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_browser_nothing_hostile_is_carried_out_and_the_policy_would_not_let_it() {
    let world = hostile();
    let run = planned(&world);
    let (file, _, _) = page(&world, &run, &["--show-values"]);
    let Some(mut browser) = Browser::start(1280, "light") else { return };
    browser.open(&file);
    unharmed(&mut browser);
    // Were anything to get through, the policy stops it.
    browser.value("document.body.append(Object.assign(document.createElement('script'), { id: 'late' })); 1");
    let try_it = "(() => { const s = document.createElement('script'); try { s.text = \"document.title='owned'\"; document.body.append(s); } catch (e) {} return 1; })()";
    browser.value(try_it);
    assert!(browser.value("document.title").as_str().unwrap().starts_with("Migration 9 "));
    let fetched = browser.call(
        "Runtime.evaluate",
        json!({ "expression": "fetch('http://127.0.0.1:9/').then(() => 'sent', () => 'refused')", "awaitPromise": true, "returnByValue": true }),
    );
    assert_eq!(fetched["result"]["value"], json!("refused"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_found_its_diff_read_and_its_error_followed_by_keyboard_alone() {
    let world = hostile();
    let run = planned(&world);
    let (file, _, _) = page(&world, &run, &["--show-keys"]);
    let Some(mut browser) = Browser::start(420, "dark") else { return };
    browser.open(&file);
    browser.tab_to("a.skip", 1);
    browser.tab_to("#find-words", 40);
    browser.write("autofocus pk=5");
    browser.until("document.querySelectorAll('details.item:not([hidden])').length === 1");
    assert_eq!(browser.value("document.getElementById('find-shown').textContent"), json!("1 of 9 items shown"));
    browser.tab_to("details.item:not([hidden]) > summary", 5);
    browser.press("Enter");
    browser.until("document.activeElement.parentElement.open");
    let open: Json =
        browser.value("(() => { const item = document.activeElement.parentElement; return [item.open, item.innerText]; })()");
    assert!(open[0] == json!(true) && open[1].as_str().unwrap().contains("mail"), "{open}");
    browser.tab_to("a[href^='#item-']", 20);
    browser.press("Enter");
    browser.until("document.activeElement.matches('details.item > summary')");
    let at: Json = browser.value("(() => { const item = document.activeElement.parentElement; return [item.dataset.state, item.open, item.hidden, item.innerText]; })()");
    assert!(at[0] == json!("failed") && at[1] == json!(true) && at[2] == json!(false), "{at}");
    assert!(at[3].as_str().unwrap().contains("onerror=document.title"), "its error is read: {at}");
    let wide = "Array.from(document.querySelectorAll('body *')).filter((it) => it.getBoundingClientRect().right > 420 && !it.closest('.scroll, .vh, pre')).map((it) => it.outerHTML.slice(0, 100))";
    assert_eq!(browser.value(wide), json!([]), "nothing is wider than the screen");
    assert_eq!(browser.value("document.documentElement.scrollWidth"), json!(420));
}

/// Pictures to look at, for whoever changes the page: `DRIFT_PICTURES=FOLDER`.
#[tokio::test(flavor = "multi_thread")]
async fn pictures_of_the_page_at_two_widths_light_and_dark() {
    let Some(folder) = std::env::var_os("DRIFT_PICTURES") else {
        println!("skipped: DRIFT_PICTURES names no folder for them");
        return;
    };
    let world = hostile();
    let run = planned(&world);
    let (file, _, _) = page(&world, &run, &["--show-keys"]);
    for (width, scheme) in [(1280, "light"), (1280, "dark"), (420, "light"), (420, "dark")] {
        let Some(mut browser) = Browser::start(width, scheme) else { return };
        browser.open(&file);
        browser.value("document.querySelectorAll('details.item').forEach((item, at) => { item.open = at < 2 || item.dataset.state === 'failed'; }); 1");
        browser.pictures(Path::new(&folder), &format!("page-{width}-{scheme}"));
    }
}

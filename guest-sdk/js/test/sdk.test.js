import assert from 'node:assert/strict';
import test from 'node:test';

import { BinarySet, Num, NumberSet, StringSet, called, num } from '../index.js';
import { evaluate, told } from '../runtime/evaluate.js';
import { itemFromText, textOf } from '../runtime/wire.js';
import * as sdk from '../index.js';
import { assertItem, migrate, same, undo } from '../testing.js';

const of = (migrate, more = {}) => ({ number: 1, name: 'x', migrate, ...more });

test('what changed is one patch', () => {
  const before = { Id: 1, set: new StringSet(['a', 'b']), n: num('1.0'), gone: true, deep: { l: [1, { x: null }] } };
  const { after, actions } = migrate(of((item) => {
    item.set = new StringSet(['b', 'a']);
    item.n = 1;
    item.fresh = Uint8Array.of(1);
    delete item.gone;
  }), before);
  assert.deepEqual(actions, [{ kind: 'patch', set: { fresh: Uint8Array.of(1) }, remove: ['gone'] }]);
  assert.ok(!('gone' in after) && before.gone);
});

test('a change below is seen, undefined takes away, and nothing is nothing', () => {
  assert.equal(migrate(of((item) => void (item.deep.l[0] = 'changed')), { deep: { l: [1] } }).actions.length, 1);
  assert.deepEqual(migrate(of((item) => void (item.a = undefined)), { a: 1 }).actions[0].remove, ['a']);
  assert.deepEqual(migrate(of(() => {}), { a: 1, b: new NumberSet([1, 2]) }).actions, []);
});

test('no float sneaks in, and what DynamoDB has no type for is named', () => {
  const wrong = [1.5, NaN, 2 ** 53, new StringSet([]), new Set(['a']), new Date(), () => {}, Symbol('x'), { l: [0.1] }, new NumberSet([1]).add];
  for (const price of wrong) {
    assert.throws(() => migrate(of((item) => void (item.price = price)), { Id: 1 }), /price/, String(price));
  }
  assert.throws(() => migrate(of((item) => void (item.price = 0.1)), {}), /num\('0\.1'\)/);
  for (const text of ['', 'x', '1e', '0x1', '1'.repeat(39), '1e126', '1e-131', ' 1']) assert.throws(() => num(text), RangeError, text);
});

test('numbers are exact', () => {
  const long = '12345678901234567890123456789012345678';
  assert.equal(String(num(num(long).toBigInt() + 1n)), '12345678901234567890123456789012345679');
  assert.throws(() => num(long) + 1, /not exact/);
  assert.equal(num('1.50') + 1, 2.5);
  for (const [a, b] of [['1', '1.0'], ['10E-1', '1'], ['0', '-0.00'], ['1E+2', '100']]) assert.ok(num(a).equals(b), `${a} ${b}`);
  assert.deepEqual(['2', '-1', '10', '0.5'].map(num).sort((a, b) => a.compare(b)).map(String), ['-1', '0.5', '2', '10']);
  assert.throws(() => num('1.5').toBigInt(), /whole/);
  assert.equal(num('12E1').toBigInt(), 120n);
});

test('half of a surrogate pair is no text, as a value, in a set, or as a name', () => {
  for (const wrong of [{ s: 'a\ud800' }, { s: new StringSet(['\udc00']) }, { s: { '\ud800': 1 } }]) {
    assert.throws(() => migrate(of((item) => void Object.assign(item, wrong)), { Id: 1 }), /half of a surrogate pair/);
  }
  assert.equal(migrate(of((item) => void (item.s = '😀')), { Id: 1 }).after.s, '😀');
});

test('numbers and sets that differ are not equal to an assertion either', () => {
  assert.notDeepEqual({ n: num('1') }, { n: num('2') });
  assert.notDeepEqual(new NumberSet([1]), new NumberSet([2]));
  assert.deepEqual({ n: num('1.5') }, { n: num('1.5') });
  assert.throws(() => (num('1').text = '2'), TypeError);
});

test('a migration that is none is told so', () => {
  for (const [wrong, words] of [
    [undefined, /export default/], [{ number: 0 }, /whole number above zero/], [{ number: 1, name: '' }, /name/], [{ number: 1, name: 'x' }, /no function migrate/],
    [of(async () => {}), /async/], [of(function* () {}), /generator/], [of(() => {}, { undo: 1 }), /undo/], [of(() => {}, { grants: [{ read: 'T' }] }), /grant/],
    [of(() => {}, { repeatable: 'yes' }), /repeatable/],
  ]) {
    assert.throws(() => migrate(wrong, {}), words);
  }
  assert.throws(() => migrate(of((item) => ({ ...item })), { Id: 1 }), /returns nothing/);
  assert.throws(() => migrate(of(() => Promise.resolve()), { Id: 1 }), /promise/);
});

test('actions elsewhere, the run, and the way back', () => {
  const there = of((item, to) => {
    to.insert('Claims', { Id: item.Id, mode: to.argument('mode') }, 'fail');
    to.update('Totals', { Id: 1 }, 'ADD #n :one', { names: { '#n': 'n' }, values: { ':one': 1 } });
    to.delete(null, { Id: 2 });
    to.deleteThis();
  }, { undo: (item) => void (item.back = true) });
  const { after, actions } = migrate(there, { Id: 1 }, { args: { mode: 'x' } });
  assert.equal(after, null);
  assert.deepEqual(actions.map(({ kind, table }) => [kind, table]), [['insert', 'Claims'], ['update', 'Totals'], ['delete', undefined], ['delete', undefined]]);
  assert.ok(actions[0].item.Id instanceof Num && actions[0].item.mode === 'x');
  assert.deepEqual(undo(there, { Id: 1 }).after, { Id: 1, back: true });
});

test('a change of an item that goes is dropped, and one beside an update is refused', () => {
  const goes = of((item, to) => {
    item.v = 1;
    to.deleteThis();
  });
  assert.deepEqual(migrate(goes, { Id: 1 }).actions.map(({ kind }) => kind), ['delete']);
  const both = of((item, to) => {
    item.v = 1;
    to.update(null, null, 'SET w = :w', { values: { ':w': 1 } });
  });
  assert.throws(() => migrate(both, { Id: 1 }), /changed \("v"\).*do one of the two/);
});

test('what nests without end and a key that is missing are said', () => {
  const cycle = of((item) => {
    item.v = [];
    item.v.push(item.v);
  });
  assert.throws(() => migrate(cycle, { Id: 1 }), /^RangeError: v\[0\].*32 levels/);
  assert.throws(() => migrate(of((item, { keyOf }) => void keyOf({})), { Id: 1 }), /key attribute "Id" is missing/);
});

test('sets hold nothing twice', () => {
  const set = new NumberSet([1]).add(num('1.0')).add(2);
  assert.equal(set.size, 2);
  assert.ok(set.has(2) && set.delete(1) && !set.has(1));
  assert.throws(() => new BinarySet([]).add('x'), /Uint8Array/);
});

test('items are compared as DynamoDB compares', () => {
  const item = () => ({ Id: 1, n: num('1.50'), s: new StringSet(['a', 'b']), b: Uint8Array.of(1), deep: { l: [1, { x: null }] } });
  assertItem(item(), { deep: { l: [num('1.0'), { x: null }] }, b: Uint8Array.of(1), s: new StringSet(['b', 'a']), n: num('15E-1'), Id: 1n, not: undefined });
  assertItem(null, null);
  const wrong = { ...item(), Id: '1', s: new StringSet(['a']), deep: { l: [1, { x: 2, y: [] }] }, more: true };
  delete wrong.b;
  assert.throws(() => assertItem(wrong, item()), {
    name: 'AssertionError',
    message: [
      'the item is not as expected:',
      "  Id: expected num('1'), found \"1\"",
      '  s: expected new StringSet(["a", "b"]), found new StringSet(["a"])',
      '  b: expected Uint8Array.of(1), found nothing',
      "  deep.l[1].x: expected null, found num('2')",
      '  deep.l[1].y: expected nothing, found []',
      '  more: expected nothing, found true',
    ].join('\n'),
  });
  assert.throws(() => assertItem(null, { Id: 1 }), /the item: expected \{ "Id": num\('1'\) \}, found null/);
  assert.throws(() => assertItem({ n: 1.5 }, { n: 1.5 }), /num\('1\.5'\)/);
  assert.ok(same(1, num('1.0')) && same(undefined, undefined) && !same('1', 1) && !same(new NumberSet([1]), new StringSet(['1'])));
});

test('a file is evaluated on its own lines', () => {
  const forms = [
    "const {num: n} = __drift; __exports.default = { number: 1, name: 'x', migrate(item) { item.a = n('1'); } };",
    "const number = 1, name = 'x';\nfunction migrate(item) { item.a = 1; }\nObject.assign(__exports, { number, name, migrate });",
    "const drift = __drift;\n__exports.migration = { number: 1, name: 'x', migrate(item) { item.a = drift.num(1); } };",
  ];
  for (const text of forms) {
    assert.equal(String(migrate(evaluate(text, 'my.js', sdk), {}).after.a), '1', text);
  }
  assert.throws(() => evaluate('const a = 1;', 'my.js', sdk), /exports no migration/);
  assert.throws(() => evaluate('\n\nlet a = ;', 'my.js', sdk), SyntaxError);
  try {
    migrate(evaluate("\n\n\n__exports.default = { number: 1, name: 'x', migrate(item) {\n item.a.b.c = 1;\n} };", 'my.js', sdk), {});
    assert.fail();
  } catch (error) {
    assert.match(told(error, 'my.js'), /^TypeError: .*\n {2}at .*my\.js:5:/s);
  }
  assert.equal(told('just a text', 'my.js'), 'just a text');
  assert.equal(told({ code: 7 }, 'my.js'), '{"code":7}');
});

test('places in a bundle are those of its sources, by the map at its end', () => {
  // Line 2 of the bundle is src/ä.ts:41:5 up to column 10, and from there on src/b.ts:8:3; line 3 is not in the map.
  const map = Buffer.from(JSON.stringify({ version: 3, sources: ['src/ä.ts', 'src/b.ts'], names: [], mappings: ';AAwCI,UCjCF;' })).toString('base64');
  const body = `x;\ny;\n//# sourceMappingURL=data:application/json;base64,${map}\n`;
  const error = new TypeError('no');
  error.stack = 'TypeError: no\n    at f (<input>:2:3)\n    at <anonymous> (<input>:2:14)\n    at g (<input>:3:1)\n    at native';
  assert.equal(told(error, 'migration.ts', body), 'TypeError: no\n  at f (src/ä.ts:41:5)\n  at <anonymous> (src/b.ts:8:3)\n  at g (migration.ts:3:1)');
  for (const other of ['', 'x', body.replace(/base64,.*/, 'base64,AAAA')]) {
    assert.match(told(error, 'migration.ts', other), /f \(migration\.ts:2:3\)/);
  }
});

test('every type goes through the text of the contract and back', () => {
  const bytes = (length) => ({ B: Buffer.from(Array.from({ length }, (_, at) => 255 - at)).toString('base64') });
  const inner = '{"__proto__":"inherited","l":[null,false,[],{"M":{}},{"N":"2"}],"m":{"M":{}}}';
  const rest = JSON.stringify({ s: '😀"', t: true, z: null, n: { N: '1.50' }, b0: bytes(0), b1: bytes(1), b2: bytes(2), b3: bytes(3), b4: bytes(4),
    ss: { SS: ['b', 'a'] }, ns: { NS: ['1E+3', '-0.5'] }, bs: { BS: [bytes(1).B, bytes(5).B] }, toString: 'a name like any other' });
  const text = `{"__proto__":{"N":"1"},"m":{"M":${inner}},${rest.slice(1)}`;
  const { item } = itemFromText(text);
  assert.deepEqual(Object.getPrototypeOf(item), Object.prototype);
  assert.deepEqual([String(item.ns.values[0]), item.l, item.m.l[4]], ['1E+3', undefined, num(2)]);
  assert.deepEqual(item.b4, Uint8Array.of(255, 254, 253, 252));
  assert.equal(textOf([{ kind: 'patch', set: item, remove: ['x'] }]), `[{"patch":{"set":${text},"remove":["x"]}}]`);
  const [patch, update] = [{ kind: 'patch', set: item, remove: [] }, { kind: 'update', expression: 'x', names: {}, values: {} }];
  assert.deepEqual(JSON.parse(textOf([patch, update]))[0].patch.set, JSON.parse(textOf([patch]))[0].patch.set);
});

test('a whole number that stands as itself is the same number', () => {
  const { item, values } = itemFromText('{"n":-999999999999999,"zero":0,"l":[12,{"M":{"m":7}}]}');
  assert.deepEqual(item, { n: num('-999999999999999'), zero: num(0), l: [num(12), { m: num(7) }] });
  assert.ok(values[0] === item.n && values[2].isStill(item.l) && values[2].value()[0].equals(12));
});

test('what was read is told from what was changed, whatever the names', () => {
  const answer = (text, change) => textOf(called(of(change), 'migrate', itemFromText(text), {}));
  const text = '{"__proto__":"a","toString":"b","l":[{"M":{"x":1}}],"s":{"SS":["a","b"]},"b":{"B":"AAE="},"n":1}';
  assert.equal(answer(text, () => {}), '[]');
  assert.equal(answer(text, (item) => void (item.l = [{ x: 1 }])), '[]');
  assert.equal(answer(text, (item) => void Object.assign(item, { n: num('1.0'), s: new StringSet(['b', 'a']) })), '[]');
  assert.equal(answer(text, (item) => void (item.l[0].x = 2)), '[{"patch":{"set":{"l":[{"M":{"x":{"N":"2"}}}]}}}]');
  assert.equal(answer(text, (item) => void item.s.add('c')), '[{"patch":{"set":{"s":{"SS":["a","b","c"]}}}}]');
  assert.equal(answer(text, (item) => void (item.b[0] = 255)), '[{"patch":{"set":{"b":{"B":"/wE="}}}}]');
  assert.equal(answer(text, (item) => void (delete item.__proto__ && delete item.toString)), '[{"patch":{"set":{},"remove":["__proto__","toString"]}}]');
  const inner = '{"m":{"M":{"__proto__":{"M":{}},"toString":"b","n":{"N":"1.5"},"z":null,"b":{"B":"AAE="},"l":[1,{"NS":["1"]}]}}}';
  assert.equal(answer(inner, () => {}), '[]');
  assert.equal(answer(inner, (item) => void (item.m = { ...item.m, n: num('1.50') })), '[]');
  for (const change of [
    (m) => delete m.__proto__ && (m.other = true), (m) => delete m.toString && (m.other = 'b'), (m) => (m.n = num(2)), (m) => (m.z = false),
    (m) => (m.b[1] = 2), (m) => m.l[1].add(2), (m) => m.l.pop(), (m) => (m.l[0] = '1'), (m) => (m.more = null), (m) => delete m.z,
  ]) {
    assert.match(answer(inner, (item) => void change(item.m)), /^\[\{"patch":\{"set":\{"m":/, String(change));
  }
  const again = (item) => {
    const { n } = item;
    delete item.n;
    item.n = n;
    item.fresh = null;
    item.not = undefined;
  };
  assert.equal(answer(text, again), '[{"patch":{"set":{"fresh":null}}}]');
  const many = (item) => {
    delete item.l;
    item.n = undefined;
    for (let at = 0; at < 20; at++) item[at] = true;
  };
  const [{ patch }] = JSON.parse(answer(text, many));
  assert.deepEqual([Object.keys(patch.set).length, patch.remove], [20, ['l', 'n']]);
  assert.throws(() => answer('{"m":{"M":{}}}', (item) => void (item.m = new Date())), /a Date is none of DynamoDB's types/);
});

test('every action has its text', () => {
  const actions = migrate(of((_, context) => {
    context.insert('Claims', { Id: 1 }, 'fail');
    context.update('Claims', { Id: 1 }, 'SET #n = :n', { condition: 'a = b', names: { '#n': 'n' }, values: { ':n': null } });
    context.update(null, null, 'REMOVE gone');
    context.delete(null, { Id: 2 });
  }), { Id: 1 }).actions;
  assert.deepEqual(JSON.parse(textOf([...actions, { kind: 'delete' }])), [
    { insert: { table: 'Claims', item: { Id: { N: '1' } }, existing: 'fail' } },
    { update: { table: 'Claims', key: { Id: { N: '1' } }, expression: 'SET #n = :n', condition: 'a = b', names: { '#n': 'n' }, values: { ':n': null } } },
    { update: { expression: 'REMOVE gone', names: {}, values: {} } },
    { delete: { key: { Id: { N: '2' } } } },
    { delete: {} },
  ]);
});

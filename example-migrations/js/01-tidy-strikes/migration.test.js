import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';

import { num } from 'drift-sdk';
import { assertItem, migrate, undo } from 'drift-sdk/testing';

import tidy from './migration.js';

function everyStrike() {
  const [header, ...rows] = readFileSync(new URL('../../data/birdstrikes.csv', import.meta.url), 'utf8').trimEnd().split(/\r?\n/).map((line) => line.split(','));
  return rows.map((row, at) => ({ Id: num(at + 1), ...Object.fromEntries(header.map((name, column) => [name, row[column]])) }));
}

/** A real one: an operator with a star, no speed, damage and no money. */
const laGuardia = () => ({
  Id: num(24), 'Airport Name': 'LAGUARDIA NY', 'Aircraft Make Model': 'B-737-400', 'Effect Amount of damage': 'Substantial',
  'Flight Date': '1990-04-07', 'Aircraft Airline Operator': 'US AIRWAYS*', 'Origin State': 'New York',
  'Phase of flight': 'Take-off run', 'Wildlife Size': 'Large', 'Wildlife Species': 'Canada goose', 'Time of day': 'Day',
  'Cost Other': '0', 'Cost Repair': '0', 'Cost Total $': '0', 'Speed IAS in knots': '',
});

test('a messy strike becomes a tidy one', () => {
  assertItem(migrate(tidy, laGuardia()).after, {
    Id: 24, airport: 'LAGUARDIA NY', aircraft: 'B-737-400', damage: 'Substantial', flight_date: '1990-04-07', operator: 'US AIRWAYS',
    origin_state: 'New York', phase_of_flight: 'Take-off run', wildlife_size: 'Large', species: 'Canada goose', time_of_day: 'Day',
    costs: { other: 0, repair: 0, total: 0 }, legacy: { 'Aircraft Airline Operator': 'US AIRWAYS*', 'Speed IAS in knots': '' },
  });
});

test('what says nothing goes, and size is no species', () => {
  const { after } = migrate(tidy, { Id: 1, 'Effect Amount of damage': 'None', 'Wildlife Species': 'Unknown bird - small' });
  assert.deepEqual(Object.keys(after), ['Id', 'legacy']);
  assert.equal(migrate(tidy, { Id: 1, 'Wildlife Species': 'Gull - medium' }).after.species, 'Gull');
});

test('every one of the ten thousand comes back exactly, and is tidied once', () => {
  const strikes = everyStrike();
  assert.equal(strikes.length, 10_000);
  for (const strike of strikes) {
    const { after } = migrate(tidy, strike);
    assert.deepEqual(migrate(tidy, after).actions, []);
    assertItem(undo(tidy, after).after, strike);
  }
});

test('what was changed since survives the undo', () => {
  const { after } = migrate(tidy, laGuardia());
  Object.assign(after, { operator: 'US AIRWAYS GROUP', speed_knots: num(130) });
  after.costs.repair = num(1500);
  const expected = { ...laGuardia(), 'Cost Repair': '1500', 'Aircraft Airline Operator': 'US AIRWAYS GROUP', 'Speed IAS in knots': '130' };
  assertItem(undo(tidy, after).after, expected);
});

test("a cost that is no number is that item's error and names the attribute", () => {
  assert.throws(() => migrate(tidy, { Id: 1, 'Cost Repair': 'ca. 500' }), { message: 'attribute "Cost Repair": "ca. 500" is not a decimal number' });
});

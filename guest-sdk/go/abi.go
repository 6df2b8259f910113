//go:build wasip1

package drift

// The canonical ABI of the contract's functions, by hand: it is small, and bindings made by a generator want modules that are
// not to be had everywhere. Offsets and sizes follow from the records of drift:migration@0.1.0.

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unsafe"
)

const (
	valueSize     = 12
	attributeSize = 20
	actionSize    = 80
	grantSize     = 24
)

// kept holds what the host reads or writes until a call is over, so that the garbage collector leaves it alone. What is left of
// block is given out next: an item has some twenty texts, and an allocation each would cost as much as all else that is done with it.
var (
	kept        [][]uint64
	block       []uint64
	keptStrings []string
	keptBytes   [][]byte
)

// blockSize is what most items want, in words of eight bytes.
const blockSize = 128

func release() { kept, block, keptStrings, keptBytes = nil, nil, nil, nil }

func allocate(size uint32) pointer {
	if size == 0 {
		return 8
	}
	words := (size + 7) / 8
	if words > uint32(len(block)) {
		block = make([]uint64, max(words, blockSize))
		kept = append(kept, block)
	}
	memory := block[:words]
	block = block[words:]
	return pointer(uintptr(unsafe.Pointer(&memory[0])))
}

//go:wasmexport cabi_realloc
func cabiRealloc(old, oldSize, _, size uint32) uint32 {
	fresh := allocate(size)
	if oldSize > 0 {
		copy(bytesAt(fresh, size), bytesAt(pointer(old), min(oldSize, size)))
	}
	return uint32(fresh)
}

type pointer uint32

func (p pointer) at(offset uint32) unsafe.Pointer  { return unsafe.Pointer(uintptr(uint32(p) + offset)) }
func (p pointer) u32(offset uint32) uint32         { return *(*uint32)(p.at(offset)) }
func (p pointer) u8(offset uint32) uint8           { return *(*uint8)(p.at(offset)) }
func (p pointer) setU32(offset, value uint32)      { *(*uint32)(p.at(offset)) = value }
func (p pointer) setU8(offset uint32, value uint8) { *(*uint8)(p.at(offset)) = value }

func bytesAt(p pointer, length uint32) []byte {
	if length == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(p.at(0)), length)
}

// text is what the host wrote, where it wrote it: nobody writes there again, and the string keeps its memory.
func (p pointer) text(offset uint32) string {
	length := p.u32(offset + 4)
	if length == 0 {
		return ""
	}
	return unsafe.String((*byte)(pointer(p.u32(offset)).at(0)), length)
}

func (p pointer) setText(offset uint32, text string) {
	if text == "" {
		p.setU32(offset, 8)
		p.setU32(offset+4, 0)
		return
	}
	keptStrings = append(keptStrings, text)
	p.setU32(offset, uint32(uintptr(unsafe.Pointer(unsafe.StringData(text)))))
	p.setU32(offset+4, uint32(len(text)))
}

func (p pointer) setBytes(offset uint32, bytes []byte) {
	if len(bytes) == 0 {
		p.setU32(offset, 8)
		p.setU32(offset+4, 0)
		return
	}
	keptBytes = append(keptBytes, bytes)
	p.setU32(offset, uint32(uintptr(unsafe.Pointer(&bytes[0]))))
	p.setU32(offset+4, uint32(len(bytes)))
}

// setList makes room for a list and gives its first element.
func (p pointer) setList(offset uint32, length int, size uint32) pointer {
	elements := allocate(uint32(length) * size)
	p.setU32(offset, uint32(elements))
	p.setU32(offset+4, uint32(length))
	return elements
}

func (p pointer) setTexts(offset uint32, texts []string) {
	elements := p.setList(offset, len(texts), 8)
	for at, text := range texts {
		elements.setText(uint32(at)*8, text)
	}
}

// setOption writes option<string>: "" is none.
func (p pointer) setOption(offset uint32, text string) {
	if text == "" {
		p.setU8(offset, 0)
		return
	}
	p.setU8(offset, 1)
	p.setText(offset+4, text)
}

// The reading of items.

type reader struct {
	nested pointer
	left   uint32
}

func readItem(attributes pointer, count uint32, nested pointer, nestedCount uint32) Item {
	rest := &reader{nested, nestedCount}
	item := make(Item, count)
	for at := range count {
		attribute := attributes + pointer(at*attributeSize)
		item[attribute.text(0)] = rest.value(attribute + 8)
	}
	return item
}

// next is the next of the nested values, in pre-order.
func (r *reader) next() any {
	if r.left == 0 {
		panic("the host handed in an item whose counts do not add up")
	}
	value := r.nested
	r.nested += valueSize
	r.left--
	return r.value(value)
}

func (r *reader) value(p pointer) any {
	list, count := pointer(p.u32(4)), p.u32(8)
	texts := func() []string {
		texts := make([]string, count)
		for at := range count {
			texts[at] = list.text(at * 8)
		}
		return texts
	}
	switch p.u8(0) {
	case 0:
		return p.text(4)
	case 1:
		return Number(p.text(4))
	case 2:
		return append([]byte{}, bytesAt(list, count)...)
	case 3:
		return p.u8(4) != 0
	case 4:
		return nil
	case 5:
		return StringSet(texts())
	case 6:
		numbers := make(NumberSet, count)
		for at := range count {
			numbers[at] = Number(list.text(at * 8))
		}
		return numbers
	case 7:
		binaries := make(BinarySet, count)
		for at := range count {
			binaries[at] = append([]byte{}, bytesAt(pointer(list.u32(at*8)), list.u32(at*8+4))...)
		}
		return binaries
	case 8:
		children := make(List, p.u32(4))
		for at := range children {
			children[at] = r.next()
		}
		return children
	default:
		children := make(Map, count)
		for at := range count {
			children[list.text(at*8)] = r.next()
		}
		return children
	}
}

// The writing of items.

type writer struct{ nested []any }

func (p pointer) setItem(offset uint32, item Item) {
	var rest writer
	names := slices.Sorted(maps.Keys(item))
	attributes := p.setList(offset, len(names), attributeSize)
	for at, name := range names {
		attribute := attributes + pointer(uint32(at)*attributeSize)
		attribute.setText(0, name)
		rest.value(attribute+8, item[name])
	}
	// Each value that is written may add those below it: in pre-order, because a stack of one level at a time does so.
	values := rest.flatten()
	nested := p.setList(offset+8, len(values), valueSize)
	for at, value := range values {
		rest.head(nested+pointer(uint32(at)*valueSize), value)
	}
}

// value writes a value, and keeps its children for flatten.
func (w *writer) value(p pointer, value any) {
	w.head(p, value)
	w.nested = append(w.nested, children(value)...)
}

// flatten gives all that lies below the attributes, in pre-order.
func (w *writer) flatten() []any {
	var all []any
	var visit func(value any)
	visit = func(value any) {
		all = append(all, value)
		for _, child := range children(value) {
			visit(child)
		}
	}
	for _, value := range w.nested {
		visit(value)
	}
	return all
}

func children(value any) []any {
	switch value := value.(type) {
	case List:
		return value
	case Map:
		below := make([]any, 0, len(value))
		for _, name := range slices.Sorted(maps.Keys(value)) {
			below = append(below, value[name])
		}
		return below
	}
	return nil
}

func (w *writer) head(p pointer, value any) {
	switch value := value.(type) {
	case string:
		p.setU8(0, 0)
		p.setText(4, value)
	case Number:
		p.setU8(0, 1)
		p.setText(4, string(value))
	case []byte:
		p.setU8(0, 2)
		p.setBytes(4, value)
	case bool:
		p.setU8(0, 3)
		if value {
			p.setU8(4, 1)
		}
	case nil:
		p.setU8(0, 4)
	case StringSet:
		p.setU8(0, 5)
		p.setTexts(4, value)
	case NumberSet:
		p.setU8(0, 6)
		elements := p.setList(4, len(value), 8)
		for at, number := range value {
			elements.setText(uint32(at)*8, string(number))
		}
	case BinarySet:
		p.setU8(0, 7)
		elements := p.setList(4, len(value), 8)
		for at, bytes := range value {
			elements.setBytes(uint32(at)*8, bytes)
		}
	case List:
		p.setU8(0, 8)
		p.setU32(4, uint32(len(value)))
	case Map:
		p.setU8(0, 9)
		p.setTexts(4, slices.Sorted(maps.Keys(value)))
	default:
		panic(fmt.Sprintf("a %T was not made normal", value))
	}
}

func (p pointer) setTarget(offset uint32, target Target) {
	if target.Key == nil {
		p.setU8(offset, 0)
		return
	}
	p.setU8(offset, 1)
	p.setOption(offset+4, target.Table)
	p.setItem(offset+16, target.Key)
}

func (p pointer) setAction(action Action) {
	switch action := action.(type) {
	case Patch:
		p.setU8(0, 0)
		p.setItem(4, action.Set)
		p.setTexts(20, action.Remove)
	case Put:
		p.setU8(0, 1)
		p.setOption(4, action.Table)
		p.setItem(16, action.Item)
		p.setU8(32, uint8(action.Existing))
	case UpdateExpression:
		p.setU8(0, 2)
		p.setTarget(4, action.Target)
		p.setText(36, action.Expression)
		p.setOption(44, action.Condition)
		placeholders := slices.Sorted(maps.Keys(action.Names))
		names := p.setList(56, len(placeholders), 16)
		for at, placeholder := range placeholders {
			names.setText(uint32(at)*16, placeholder)
			names.setText(uint32(at)*16+8, action.Names[placeholder])
		}
		p.setItem(64, action.Values)
	case Removal:
		p.setU8(0, 3)
		p.setTarget(4, action.Target)
	}
}

// answer writes result<list<action>, string>.
func answer(function Function, item Item) uint32 {
	actions, err := call(function, item)
	result := allocate(12)
	if err != nil {
		result.setU8(0, 1)
		result.setText(4, strings.ToValidUTF8(err.Error(), "\uFFFD"))
		return uint32(result)
	}
	list := result.setList(4, len(actions), actionSize)
	for at, action := range actions {
		(list + pointer(uint32(at)*actionSize)).setAction(action)
	}
	return uint32(result)
}

//go:wasmexport migrate
func exportMigrate(attributes, count, nested, nestedCount uint32) uint32 {
	item := readItem(pointer(attributes), count, pointer(nested), nestedCount)
	startClock()
	release()
	return answer(Registered().Migrate, item)
}

//go:wasmexport undo
func exportUndo(attributes, count, nested, nestedCount uint32) uint32 {
	item := readItem(pointer(attributes), count, pointer(nested), nestedCount)
	startClock()
	release()
	return answer(Registered().Undo, item)
}

//go:wasmexport cabi_post_migrate
func postMigrate(uint32) { release() }

//go:wasmexport cabi_post_undo
func postUndo(uint32) { release() }

//go:wasmexport cabi_post_describe
func postDescribe(uint32) { release() }

//go:wasmexport describe
func exportDescribe() uint32 {
	migration := Registered()
	description := allocate(52)
	description.setText(0, fmt.Sprint(migration.Number))
	description.setText(8, migration.Name)
	description.setText(16, migration.Summary)
	if migration.Repeatable {
		description.setU8(24, 1)
	}
	after := make([]string, len(migration.After))
	for at, number := range migration.After {
		after[at] = fmt.Sprint(number)
	}
	description.setTexts(28, after)
	grants := description.setList(36, len(migration.Grants), grantSize)
	for at, grant := range migration.Grants {
		p := grants + pointer(uint32(at)*grantSize)
		p.setU8(0, uint8(grant.Access))
		p.setOption(4, grant.Table)
		p.setText(16, grant.Why)
	}
	extra := maps.Clone(migration.Extra)
	if migration.Undo == nil {
		// Every component of Go exports `undo`; the host goes by this.
		if extra == nil {
			extra = map[string]string{}
		}
		extra["undo"] = "none"
	}
	names := slices.Sorted(maps.Keys(extra))
	pairs := description.setList(44, len(names), 16)
	for at, name := range names {
		pairs.setText(uint32(at)*16, name)
		pairs.setText(uint32(at)*16+8, extra[name])
	}
	return uint32(description)
}

// What the host is asked.

//go:wasmimport drift:migration/run@0.1.0 table
func importTable(result unsafe.Pointer)

//go:wasmimport drift:migration/run@0.1.0 key-attributes
func importKeyAttributes(result unsafe.Pointer)

//go:wasmimport drift:migration/run@0.1.0 started-at
func importStartedAt(result unsafe.Pointer)

//go:wasmimport drift:migration/run@0.1.0 argument
func importArgument(name unsafe.Pointer, length uint32, result unsafe.Pointer)

//go:wasmimport drift:migration/log@0.1.0 write
func importLog(level uint32, text unsafe.Pointer, length uint32)

//go:wasmimport wasi_snapshot_preview1 drift_wall_clock
func importWallClock(nanoseconds int64)

var clockStarted bool

// startClock makes time.Now the run's start, as it is in other languages. An instance is of one run.
func startClock() {
	if clockStarted {
		return
	}
	clockStarted = true
	if start, err := time.Parse(time.RFC3339Nano, currentRun().StartedAt); err == nil {
		importWallClock(start.UnixNano())
	}
}

func currentRun() Run {
	var run Run
	area := allocate(12)
	importTable(area.at(0))
	run.Table = area.text(0)
	importStartedAt(area.at(0))
	run.StartedAt = area.text(0)
	importKeyAttributes(area.at(0))
	names := pointer(area.u32(0))
	for at := range area.u32(4) {
		run.KeyAttributes = append(run.KeyAttributes, names.text(at*8))
	}
	return run
}

func argument(name string) (string, bool) {
	area := allocate(12)
	importArgument(unsafe.Pointer(unsafe.StringData(name)), uint32(len(name)), area.at(0))
	if area.u8(0) == 0 {
		return "", false
	}
	return area.text(4), true
}

func writeLog(level Level, message string) {
	message = strings.ToValidUTF8(message, "\uFFFD")
	importLog(uint32(level), unsafe.Pointer(unsafe.StringData(message)), uint32(len(message)))
}

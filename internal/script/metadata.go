package script

import (
	"encoding/json"
	"slices"

	"github.com/dop251/goja"

	"midstream/hook"
)

// metadata is flow.metadata: values of any kind stay in the script, what has a
// text or JSON form is noted on the flow, too.
type metadata struct{ f *flowState }

func (m metadata) noted() map[string]string {
	if m.f.live > 0 {
		return m.f.x.Metadata
	}
	return m.f.pic.meta
}

// Get is for goja.DynamicObject.
func (m metadata) Get(key string) goja.Value {
	if v, ok := m.f.meta[key]; ok {
		return v
	}
	if s, ok := m.noted()[key]; ok {
		return m.f.e.wireText(s)
	}
	return nil
}

// Set is for goja.DynamicObject.
func (m metadata) Set(key string, v goja.Value) bool {
	if m.f.meta == nil {
		m.f.meta = make(map[string]goja.Value)
	}
	m.f.meta[key] = v
	text, ok := metadataText(v)
	m.f.change(func(x *hook.Exchange) {
		if !ok {
			delete(x.Metadata, key)
			return
		}
		if x.Metadata == nil {
			x.Metadata = make(map[string]string)
		}
		x.Metadata[key] = text
	})
	return true
}

func metadataText(v goja.Value) (string, bool) {
	if s, ok := v.(goja.String); ok {
		return octets(s), true
	}
	if obj, ok := v.(*goja.Object); ok {
		p, err := json.Marshal(obj)
		return string(p), err == nil && len(p) <= 64<<10
	}
	return v.String(), !isNull(v)
}

// Has is for goja.DynamicObject.
func (m metadata) Has(key string) bool { return m.Get(key) != nil }

// Delete is for goja.DynamicObject.
func (m metadata) Delete(key string) bool {
	delete(m.f.meta, key)
	delete(m.f.pic.meta, key)
	m.f.change(func(x *hook.Exchange) { delete(x.Metadata, key) })
	return true
}

// Keys is for goja.DynamicObject.
func (m metadata) Keys() []string {
	seen := make(map[string]bool)
	var keys []string
	for k := range m.f.meta {
		seen[k] = true
		keys = append(keys, k)
	}
	for k := range m.noted() {
		if !seen[k] {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys
}

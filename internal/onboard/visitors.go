package onboard

import (
	"net"
	"slices"
	"sync"
	"time"

	"midstream/hook"
)

// Visitor is a client that has asked for the page.
type Visitor struct {
	Client string // its address, without the port
	Device string // "iPhone or iPad", "" for one that is not known
	// Through: it has come through the proxy, and not to its address alone. Trusted: it
	// has loaded a picture that only comes to who trusts the certificate.
	Through, Trusted bool
	Last             time.Time
}

// maxVisitors bounds those that are remembered.
const maxVisitors = 16

// Visitors remembers the last clients of the page. The zero value has none; its
// methods may be called at once.
type Visitors struct {
	mu   sync.Mutex
	list []Visitor // the newest last
}

// List are the visitors, the newest first.
func (v *Visitors) List() []Visitor {
	v.mu.Lock()
	defer v.mu.Unlock()
	list := slices.Clone(v.list)
	slices.Reverse(list)
	return list
}

// note takes what one request tells of its client.
func (v *Visitors) note(seen Visitor) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if i := slices.IndexFunc(v.list, func(old Visitor) bool { return old.Client == seen.Client && old.Device == seen.Device }); i >= 0 {
		seen.Through, seen.Trusted = seen.Through || v.list[i].Through, seen.Trusted || v.list[i].Trusted
		v.list = slices.Delete(v.list, i, i+1)
	}
	if len(v.list) == maxVisitors {
		v.list = slices.Delete(v.list, 0, 1)
	}
	v.list = append(v.list, seen)
}

// NoteIn has the addon note who asks for its pages in v. It is called before the
// addon is used.
func (a *Addon) NoteIn(v *Visitors) { a.visitors = v }

// visited notes the client of a request for the page.
func (a *Addon) visited(x *hook.Exchange, path string) {
	if a.visitors == nil || x.Client == nil {
		return
	}
	seen := Visitor{Client: x.Client.Peer, Device: detect(x.Request.Fields.Get("User-Agent")).title(), Trusted: path == trustPath && x.Request.Scheme == "https", Last: time.Now()}
	if host, _, err := net.SplitHostPort(seen.Client); err == nil {
		seen.Client = host
	}
	host, _ := named(&x.Request.Request)
	seen.Through = a.Answers(host)
	a.visitors.note(seen)
}

func (d device) title() string {
	return map[device]string{ios: "iPhone or iPad", android: "Android", macos: "macOS", windows: "Windows", linux: "Linux", firefox: "Firefox"}[d]
}

package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
)

// Ways are the ways in: modes, and where those listen that name no place of
// their own.
type Ways struct {
	// Modes are in the order in which they are told; none = one regular one.
	Modes []Mode
	// Host "" stands for both loopback addresses.
	Host string
	// Port 0 takes a free one, -1 stands for the default of each mode.
	Port int
}

// place is where a mode wants to listen.
type place struct {
	host string
	port int
}

func (p place) String() string {
	if p.host == "" {
		return "port " + strconv.Itoa(p.port)
	}
	return net.JoinHostPort(p.host, strconv.Itoa(p.port))
}

// placeOf is where m listens.
func (w *Ways) placeOf(m Mode) place {
	p := place{m.ListenHost, m.ListenPort}
	if p.host == "" {
		p.host = w.Host
	}
	if p.port < 0 {
		p.port = w.Port
	}
	if p.port < 0 {
		p.port = m.Kind.defaultPort()
	}
	return p
}

// check refuses modes that want the same place.
func (w *Ways) check() error {
	taken := make(map[place]Mode)
	for _, m := range w.Modes {
		at := w.placeOf(m)
		if at.port == 0 {
			continue
		}
		if first, ok := taken[at]; ok {
			return fmt.Errorf("modes %s and %s would both listen on %s: give one of them another port, as in %s@PORT", first, m, at, m.without())
		}
		taken[at] = m
	}
	return nil
}

// way is one mode with its sockets.
type way struct {
	mode    Mode
	at      place
	sockets []*socket
}

// socket is a listener whose clients may come to be of another mode.
type socket struct {
	net.Listener
	mode atomic.Pointer[Mode]
}

func newSocket(l net.Listener, m Mode) *socket {
	s := &socket{Listener: l}
	s.mode.Store(&m)
	return s
}

func (w *way) close() {
	for _, s := range w.sockets {
		s.Close()
	}
}

// entrance has the ways that are open. The zero value has none.
type entrance struct {
	mu        sync.Mutex // guards what follows
	open      []*way     // in the order of the modes
	serving   bool
	closed    bool
	accepting sync.WaitGroup
}

// Change makes w the ways in, while clients are served or before. What is among
// the old ones stays open; a mode that takes the place of another takes over its
// socket. Clients of a way that is closed are served to their end. When one
// cannot be opened the error names it, and everything stays as it was.
func (p *Proxy) Change(ctx context.Context, w Ways) error {
	if len(w.Modes) == 0 {
		w.Modes = []Mode{{ListenPort: -1}}
	}
	if err := w.check(); err != nil {
		return err
	}
	e := &p.entrance
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return errors.New("change modes: midstream is stopping")
	}
	leaving := slices.Clone(e.open)
	next := make([]*way, len(w.Modes))
	keep := func(same func(o *way, m Mode, at place) bool) {
		for i, m := range w.Modes {
			at := w.placeOf(m)
			j := slices.IndexFunc(leaving, func(o *way) bool { return same(o, m, at) })
			if next[i] == nil && j >= 0 {
				next[i] = &way{m, at, leaving[j].sockets}
				leaving = slices.Delete(leaving, j, j+1)
			}
		}
	}
	keep(func(o *way, m Mode, at place) bool { return o.mode == m && o.at == at })
	keep(func(o *way, m Mode, at place) bool { return o.at == at && at.port != 0 })
	opened, err := p.openMissing(ctx, &w, next, leaving)
	if err != nil {
		return err
	}
	for _, o := range leaving {
		o.close()
		p.disown(o)
	}
	for _, n := range next {
		for _, s := range n.sockets {
			s.mode.Store(&n.mode)
		}
	}
	e.open = next
	for _, o := range opened {
		p.owned(o)
		if e.serving {
			p.startAccepting(o)
		}
	}
	return nil
}

// openMissing binds the modes that next has no way for and puts them there; on an
// error what had to make room is open again.
func (p *Proxy) openMissing(ctx context.Context, w *Ways, next, leaving []*way) (opened []*way, err error) {
	var evicted []*way
	for i, m := range w.Modes {
		if next[i] != nil {
			continue
		}
		at := w.placeOf(m)
		sockets, err := bindMode(ctx, m, at)
		// A way that leaves makes room where it holds the same port on another host.
		for _, o := range leaving {
			if err == nil || o.at.port != at.port || !errors.Is(err, syscall.EADDRINUSE) {
				continue
			}
			o.close()
			evicted = append(evicted, o)
			sockets, err = bindMode(ctx, m, at)
		}
		if err != nil {
			for _, o := range opened {
				o.close()
			}
			return nil, errors.Join(append([]error{err}, p.reopen(ctx, evicted)...)...)
		}
		next[i] = &way{m, at, sockets}
		opened = append(opened, next[i])
	}
	return opened, nil
}

// reopen binds ways again that were closed to make room.
func (p *Proxy) reopen(ctx context.Context, ways []*way) (lost []error) {
	for _, w := range ways {
		sockets, err := bindMode(ctx, w.mode, w.at)
		if err != nil {
			lost = append(lost, err)
			continue
		}
		p.disown(w)
		w.sockets = sockets
		p.owned(w)
		if p.entrance.serving {
			p.startAccepting(w)
		}
	}
	return lost
}

func (p *Proxy) owned(w *way) {
	for _, s := range w.sockets {
		if a, ok := s.Addr().(*net.TCPAddr); ok {
			p.own.add(a.AddrPort())
		}
	}
}

func (p *Proxy) disown(w *way) {
	for _, s := range w.sockets {
		if a, ok := s.Addr().(*net.TCPAddr); ok {
			p.own.remove(a.AddrPort())
		}
	}
}

// startAccepting accepts clients on every socket of w; the entrance is locked.
func (p *Proxy) startAccepting(w *way) {
	for _, s := range w.sockets {
		p.entrance.accepting.Go(func() { p.accept(s) })
	}
}

// Listen binds the sockets of the modes of the Config and returns their
// addresses, in the order of the modes. When one fails, none stays open.
func (p *Proxy) Listen(ctx context.Context) ([]net.Addr, error) {
	if err := p.Change(ctx, Ways{p.cfg.Modes, p.cfg.ListenHost, p.cfg.ListenPort}); err != nil {
		return nil, err
	}
	var addrs []net.Addr
	for _, w := range p.entrance.open {
		for _, s := range w.sockets {
			addrs = append(addrs, s.Addr())
		}
	}
	return addrs, nil
}

// Serve accepts clients until ctx ends or Shutdown is called, and returns nil
// then. Those that are being served go on until Shutdown.
func (p *Proxy) Serve(ctx context.Context) error {
	e := &p.entrance
	e.mu.Lock()
	if !e.closed {
		e.serving = true
		for _, w := range e.open {
			p.startAccepting(w)
		}
	}
	e.mu.Unlock()
	select {
	case <-ctx.Done():
	case <-p.idle.Done():
	}
	p.closeListeners()
	e.accepting.Wait()
	return nil
}

func (p *Proxy) closeListeners() {
	e := &p.entrance
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	for _, w := range e.open {
		w.close()
	}
}

// Listening is one mode with the addresses that it has taken.
type Listening struct {
	Mode      Mode
	Addresses []netip.AddrPort
}

// Listening returns the modes in their order, after Listen.
func (p *Proxy) Listening() []Listening {
	p.entrance.mu.Lock()
	defer p.entrance.mu.Unlock()
	var list []Listening
	for _, w := range p.entrance.open {
		l := Listening{Mode: w.mode}
		for _, s := range w.sockets {
			if a, ok := s.Addr().(*net.TCPAddr); ok {
				l.Addresses = append(l.Addresses, a.AddrPort())
			}
		}
		list = append(list, l)
	}
	return list
}

// without is the spec without its place.
func (m Mode) without() string {
	if m.ListenPort < 0 {
		return m.String()
	}
	what, _, _ := cutLast(m.String(), '@')
	return strings.ToLower(what)
}

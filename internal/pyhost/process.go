package pyhost

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// process is one run of Python with one script. It ends when Python does, or
// when it is killed.
type process struct {
	v    *version
	cmd  *exec.Cmd
	conn net.Conn

	writing chan struct{} // a token: who has it may write
	buf     []byte        // of who writes

	mu       sync.Mutex // guards the rest
	calls    map[uint64]*call
	pictures map[string]*picture // by flow
	number   uint64
	setting  bool // the script sets an option: changed collects
	changed  []string
	suspect  bool  // its wire broke: nothing is given to it any more
	verdict  error // why it is killed, where that is not known from its end
	err      error // why it ended

	dead    chan struct{} // closed when it has ended, and its version knows
	readers sync.WaitGroup
	quiet   atomic.Bool // its end is wanted
	answers chan struct{}
	leaving chan string // flows that are over
	shown   shown
}

// A call is one hook, or another thing that the script was asked to do.
type call struct {
	id    uint64
	since time.Time
	what  string
	done  chan answer
	asks  chan ask
	slow  atomic.Bool
}

// answer is how a call has ended.
type answer struct {
	ret *ret
	raw []byte
}

// ask is a question that a script has while its hook runs.
type ask struct {
	rpc *message
	raw []byte
}

// mostAnswers bounds the questions that are answered at once for one process.
const mostAnswers = 16

// startProcess starts Python and waits for its first word.
func startProcess(ctx context.Context, v *version) (*process, error) {
	h := v.host
	py := h.python
	args := append(append([]string(nil), py.command[1:]...), filepath.Join(h.lib, "midstream_start.py"))
	cmd := exec.Command(py.command[0], args...)
	l, err := open(cmd)
	if err != nil {
		return nil, err
	}
	path, err := filepath.Abs(v.path)
	if err != nil {
		path = v.path
	}
	cmd.Args = append(append(cmd.Args, l.args...), path)
	cmd.Env = append(os.Environ(), l.env...)
	cmd.Stdout, cmd.Stderr = h.output, h.errors
	cmd.WaitDelay = time.Second
	isolate(cmd)
	if err := cmd.Start(); err != nil {
		l.after()
		l.close()
		return nil, fmt.Errorf("start %s: %w", py.command[0], err)
	}
	l.after()
	conn, err := l.meet()
	if err != nil {
		cmd.Process.Kill()
		cmd.Wait()
		return nil, err
	}
	p := &process{
		v: v, cmd: cmd, conn: conn, writing: make(chan struct{}, 1), calls: make(map[uint64]*call),
		pictures: make(map[string]*picture), dead: make(chan struct{}), answers: make(chan struct{}, mostAnswers),
		leaving: make(chan string, 4096),
	}
	p.readers.Go(p.read)
	p.readers.Go(p.wait)
	p.readers.Go(p.farewells)
	return p, nil
}

// wait reaps the process.
func (p *process) wait() {
	err := p.cmd.Wait()
	p.mu.Lock()
	why := p.verdict
	p.mu.Unlock()
	if why == nil || p.cmd.ProcessState.Exited() {
		why = errors.New("it has ended")
		if err != nil {
			why = fmt.Errorf("it has ended: %w", err)
		}
	}
	p.fail(why)
}

// fail ends the process for a reason; the first one counts. When it returns, and
// when a call fails by it, the version gives nothing to the process any more.
func (p *process) fail(err error) {
	p.mu.Lock()
	if p.err != nil {
		p.mu.Unlock()
		<-p.dead
		return
	}
	p.err = fmt.Errorf("the Python process of %s: %w", p.v.path, err)
	p.mu.Unlock()
	p.v.lost(p)
	close(p.dead)
	p.conn.Close()
	p.cmd.Process.Kill()
}

// dyingWait is how long a process whose socket broke has to end by itself: what it
// says at its end is more telling.
const dyingWait = 2 * time.Second

// broke ends a process whose socket broke, and returns when it has ended.
func (p *process) broke(err error) {
	if errors.Is(err, io.EOF) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) {
		err = errors.New("it has closed its socket")
	}
	p.mu.Lock()
	p.suspect = true
	p.mu.Unlock()
	p.v.withdraw(p)
	select {
	case <-p.dead:
		return
	case <-time.After(dyingWait):
	}
	p.mu.Lock()
	if p.verdict == nil {
		p.verdict = err
	}
	p.mu.Unlock()
	p.cmd.Process.Kill()
	<-p.dead
}

// suspected tells that nothing must be given to the process.
func (p *process) suspected() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.suspect
}

func (p *process) failure() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// read takes frames until there are no more.
func (p *process) read() {
	r := bufio.NewReaderSize(p.conn, 64<<10)
	for {
		head, raw, err := readFrame(r)
		if err == nil {
			var m message
			if err = json.Unmarshal(head, &m); err != nil {
				err = fmt.Errorf("%w: %w", errFrame, err)
			} else {
				err = p.took(&m, raw)
			}
		}
		switch {
		case err == nil:
			continue
		case errors.Is(err, errFrame):
			p.fail(err)
		default:
			p.broke(err)
		}
		return
	}
}

// took handles one frame. It never waits for a hook.
func (p *process) took(m *message, raw []byte) error {
	switch m.Kind {
	case "ret":
		if m.Call == 0 {
			return errFrame
		}
		p.mu.Lock()
		c := p.calls[m.Call]
		delete(p.calls, m.Call)
		p.mu.Unlock()
		if c != nil {
			c.done <- answer{&m.ret, raw}
		}
	case "rpc":
		p.mu.Lock()
		c := p.calls[m.Call]
		p.mu.Unlock()
		if c != nil && m.Method == "body" {
			select {
			case c.asks <- ask{m, raw}:
				return nil
			default:
			}
		}
		select {
		case p.answers <- struct{}{}:
		case <-p.dead:
			return nil
		}
		p.readers.Go(func() {
			defer func() { <-p.answers }()
			p.serve(m, raw)
		})
	case "hello", "log", "kill", "note", "parked", "shutdown", "inject", "manifest":
		p.heard(m, raw)
	default:
		return fmt.Errorf("%w: %.40q", errFrame, m.Kind)
	}
	return nil
}

// send writes one frame. It waits while the process takes nothing, which is how a
// slow script slows its flows and nobody else.
func (p *process) send(ctx context.Context, head []byte, raw ...[]byte) error {
	select {
	case p.writing <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-p.dead:
		return p.failure()
	}
	defer func() { <-p.writing }()
	var err error
	if p.buf, err = appendFrame(p.buf[:0], head, raw...); err != nil {
		return err
	}
	_, err = p.conn.Write(p.buf)
	if cap(p.buf) > 1<<20 {
		p.buf = nil
	}
	if err != nil {
		p.broke(err)
		return p.failure()
	}
	return nil
}

// begin makes a call; what names it in warnings.
func (p *process) begin(what string) *call {
	c := &call{what: what, since: time.Now(), done: make(chan answer, 1)}
	if what != "stream" {
		c.asks = make(chan ask, mostAnswers) // without it they are answered elsewhere
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.number++
	c.id = p.number
	p.calls[c.id] = c
	return c
}

func (p *process) forget(c *call) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.calls, c.id)
}

// finish waits for the end of a call whose frame was sent. answer is asked the
// script's questions meanwhile, on this goroutine; nil refuses them.
func (p *process) finish(ctx context.Context, c *call, reply func(*message)) (*ret, []byte, error) {
	for {
		select {
		case a := <-c.done:
			return a.ret, a.raw, nil
		case q := <-c.asks:
			if reply == nil {
				p.serve(q.rpc, q.raw)
			} else {
				reply(q.rpc)
			}
		case <-ctx.Done():
			p.forget(c)
			return nil, nil, context.Cause(ctx)
		case <-p.dead:
			select {
			case a := <-c.done:
				return a.ret, a.raw, nil
			default:
			}
			p.forget(c)
			return nil, nil, p.failure()
		}
	}
}

// do runs a call that has no flow: its frame is kind and values.
func (p *process) do(ctx context.Context, kind string, values map[string]any) (*ret, error) {
	r, _, err := p.ask(ctx, kind, values, nil)
	return r, err
}

// ask is do for a call that has octets, or gets some.
func (p *process) ask(ctx context.Context, kind string, values map[string]any, octets []byte) (*ret, []byte, error) {
	c := p.begin(kind)
	head := map[string]any{"k": kind, "c": c.id}
	for k, v := range values {
		head[k] = v
	}
	text, err := json.Marshal(head)
	if err == nil {
		err = p.send(ctx, text, octets)
	}
	if err != nil {
		p.forget(c)
		return nil, nil, err
	}
	return p.finish(ctx, c, nil)
}

// close ends the process: it has its done, and grace to run it.
func (p *process) close(grace time.Duration) {
	p.quiet.Store(true)
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if _, err := p.do(ctx, "done", nil); err == nil {
		select {
		case <-p.dead:
		case <-ctx.Done():
		}
	} else if ctx.Err() != nil {
		p.v.host.log.Warn("a script's done takes too long: it is ended", "script", p.v.path, "waited", grace.String())
	}
	p.fail(errors.New("it was ended"))
	p.readers.Wait()
}

func callHead(dst []byte, kind string, id uint64) []byte {
	dst = append(dst, `{"k":"`...)
	dst = append(dst, kind...)
	dst = append(dst, `","c":`...)
	return strconv.AppendUint(dst, id, 10)
}

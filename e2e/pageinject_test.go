package e2e

import (
	"bufio"
	"net"
	"strings"
	"testing"
	"time"
)

// A person puts messages into a WebSocket and into a raw tunnel, to either side; they
// are in the list like what has come.
func TestPageInjects(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	o.webSocket(t, "/ws", "", echo)
	raw, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { raw.Close() })
	lines := make(chan string, 10)
	go func() {
		conn, err := raw.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		for in := bufio.NewScanner(conn); in.Scan(); {
			lines <- in.Text()
		}
	}()
	p, url := startPage(t)
	// Before the page is there, nothing can be put into what begins.
	early := dialWebSocket(t, p, o.HTTP, "/ws?early")
	b := visit(t, url)
	b.until("it is attached", `fetch('/api/v1/intercept').then(a => a.json()).then(q => q.attached)`)
	e := dialWebSocket(t, p, o.HTTPS, "/ws?late")
	put1 := func(to, form, text string) {
		t.Helper()
		b.until("the form", `document.querySelector('[data-testid=inject] textarea')`)
		for i, v := range []string{to, form} {
			js[any](b, `(s => { s.value = %q; s.dispatchEvent(new Event('change', {bubbles: true})); return 0 })(document.querySelectorAll('[data-testid=inject] select')[%d])`, v, i)
		}
		put(b, "[data-testid=inject] textarea", text)
		press(b, "[data-testid=inject]", "Send")
	}
	openFlow(b, "/ws?late")
	tabOf(b, "events")
	put1("client", "text", "by hand")
	e.want(0x81, "by hand")
	put1("server", "hex", "00 ff 41")
	e.want(0x82, "\x00\xffA") // it comes back
	e.send(0x81, "by the client")
	e.want(0x81, "by the client")
	b.until("all of them in the list", `(x => x.includes('by hand') && x.split('by the client').length === 3 && x.split('binary').length >= 3)(document.querySelector('[data-testid=messages]').innerText)`)
	put1("server", "hex", "zz")
	b.until("what is wrong", `document.querySelector('[data-testid=inject] [role=alert]')`)
	loadAxe(b)
	axeEach(b, "inject")
	e.send(0x88, "\x03\xe8bye")
	e.want(0x88, "\x03\xe8bye")
	e.conn.Close()
	b.until("it is over", `!document.querySelector('[data-testid=inject]')`)
	b.key("Escape")

	openFlow(b, "/ws?early")
	tabOf(b, "events")
	put1("client", "text", "too early")
	b.until("why not", `document.querySelector('[data-testid=inject] [role=alert]')?.innerText.includes('while the page')`)
	b.key("Escape")
	early.conn.Close()

	conn := tunnel(t, p, raw.Addr().String())
	conn.SetDeadline(time.Now().Add(patience))
	if _, err := conn.Write([]byte("SSH-2.0-one\n")); err != nil {
		t.Fatal(err)
	}
	if got := <-lines; got != "SSH-2.0-one" {
		t.Fatal(got)
	}
	js[any](b, `(document.activeElement.blur(), 0)`)
	b.key("Escape")
	openFlow(b, raw.Addr().String())
	tabOf(b, "events")
	put1("server", "hex", "74 77 6f 0a")
	if got := <-lines; got != "two" {
		t.Errorf("the server got %q", got)
	}
	put1("client", "text", "three\n")
	if got, err := bufio.NewReader(conn).ReadString('\n'); strings.TrimSpace(got) != "three" {
		t.Errorf("the client got %q, %v", got, err)
	}
}

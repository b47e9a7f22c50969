package llm

import (
	"strings"

	"midstream/flow"
)

// Head is what of a flow tells how to read its stream.
type Head struct {
	Authority string
	// Path is the request's, with its query.
	Path     string
	Request  flow.Fields
	Response flow.Fields
}

// route is the path without its query, in lower case.
func (h *Head) route() string {
	p, _, _ := strings.Cut(h.Path, "?")
	return strings.ToLower(p)
}

func (h *Head) media() string {
	m, _, _ := strings.Cut(h.Response.Joined("Content-Type"), ";")
	return strings.ToLower(flow.TrimSpace(m))
}

// format reads the events of one format.
type format interface {
	name() string
	event(s *state, e event)
}

// event is a message of a stream, whatever it was framed in.
type event struct {
	name string // of server-sent events and AWS messages
	data string
	json value // of data, where it is JSON
	ok   bool  // data is JSON
}

// byHead is the format that the head alone is sure of.
func byHead(h *Head) format {
	switch {
	case h.Response.Has("X-Vercel-Ai-Ui-Message-Stream"):
		return &uiStream{}
	case h.Response.Has("X-Vercel-Ai-Data-Stream"):
		return &dataStream{}
	case strings.HasSuffix(h.route(), "/converse-stream"):
		return &converse{}
	}
	return nil
}

// byEvent tells the format by an event, nil where that does not tell.
func byEvent(h *Head, e *event) format {
	v, kind, route := e.json, e.json.get("type").str(), h.route()
	switch {
	case strings.HasPrefix(e.name, "messages/"), e.name == "messages" && len(v.list()) == 2, e.name == "metadata" && v.has("run_id"):
		return &langGraph{}
	case !v.object():
		return nil
	case h.Response.Has("X-Vercel-Ai-Ui-Message-Stream"):
		return &uiStream{}
	case strings.HasPrefix(kind, "response."), kind == "error" && strings.HasSuffix(route, "/responses"),
		v.get("object").str() == "response":
		return &responses{}
	case strings.HasPrefix(kind, "session."):
		return &responses{realtime: true}
	case kind == "message_start", strings.HasPrefix(kind, "content_block_"), kind == "ping",
		kind == "message" && v.has("content") && v.has("role"),
		kind == "error" && (h.Request.Has("Anthropic-Version") || strings.HasSuffix(route, "/v1/messages")):
		return &anthropic{}
	case v.has("candidates"), v.has("promptFeedback"), v.has("error") && strings.Contains(route, "generatecontent"):
		return &gemini{}
	case kind == "message-start", kind == "content-start" && v.has("delta"):
		return &cohere{}
	case v.has("choices"), v.get("object").str() == "chat.completion.chunk",
		v.has("error") && strings.HasSuffix(route, "/chat/completions"):
		return &chat{mistral: strings.Contains(strings.ToLower(h.Authority), "mistral")}
	case v.has("model") && v.has("done"), v.has("error") && (strings.HasSuffix(route, "/api/chat") || strings.HasSuffix(route, "/api/generate")):
		return &ollama{}
	case e.name == "messageStart", e.name == "contentBlockDelta":
		return &converse{}
	case kind == "start-step", kind == "start" && (v.has("messageId") || v.has("messageMetadata")), kind == "text-start" && v.has("id"):
		return &uiStream{}
	}
	return nil
}

// oneAnswer are the ends of paths whose answer may be one JSON object.
var oneAnswer = []string{"/chat/completions", "/responses", "/messages", "/api/chat", "/api/generate", "/converse", "/invoke"}

// plain tells whether an answer that is no stream may be one of a model, and
// whether it may be an array of them.
func (h *Head) plain() (object, array bool) {
	route := h.route()
	if strings.Contains(route, "generatecontent") || strings.HasSuffix(route, ":rawpredict") || strings.HasSuffix(route, ":streamrawpredict") {
		return true, strings.Contains(route, "generatecontent")
	}
	for _, end := range oneAnswer {
		if strings.HasSuffix(route, end) {
			return true, false
		}
	}
	return false, false
}

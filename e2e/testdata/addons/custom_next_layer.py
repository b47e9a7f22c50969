"""Would choose protocol layers."""
from mitmproxy import ctx
from mitmproxy.proxy import layer, layers


def running():
    ctx.options.connection_strategy = "lazy"
    print("strategy", ctx.options.connection_strategy, flush=True)
    try:
        layers.TCPLayer(None)
    except NotImplementedError as e:
        print("refused:", e, flush=True)


def next_layer(nextlayer: layer.NextLayer):
    print("never called")

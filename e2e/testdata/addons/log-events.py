"""Logs at all levels."""
import logging

from mitmproxy import ctx
from mitmproxy.addonmanager import Loader
from mitmproxy.log import ALERT

logger = logging.getLogger(__name__)


def load(loader: Loader):
    logger.info("said with info")
    logger.warning("said with warning")
    logger.error("said with error")
    logger.log(ALERT, "said with alert")
    ctx.log.info("said by ctx.log")

"""How Faust recovers on our engine: in bulk, and while nothing is read."""

from typing import Any

from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery

from streams.engine.lease import RebalancedError
from streams.engine.transport import SliceApp


class SliceRecovery(Recovery):
    """Restores the engine's table in bulk where stock Faust reads a changelog record by record."""

    app: SliceApp

    async def _resume_streams(self, generation_id: int = 0) -> None:
        consumer = self.app.consumer
        # The fetcher must be at rest before the seek, or what it fetched meanwhile vanishes.
        consumer.stop_flow()
        self.app.flow_control.suspend()
        await self._wait(consumer.wait_for_stopped_flow())
        restored: dict[int, Any] = {}
        await self._wait(self._restore(restored, generation_id))
        if self.app.consumer_generation_id == generation_id:
            self.app.engine.resume(generation_id, restored)
        await super()._resume_streams(generation_id)

    async def _restore(self, restored: dict[int, Any], generation: int) -> None:
        try:
            restored.update(await self.app.prepare(self.app.consumer.assignment(), generation))
        except RebalancedError:
            await self.signal_recovery_start.wait()  # which ends this and begins anew


class SliceTables(TableManager):
    """Faust's table manager with our recovery."""

    _recovery: Recovery | None

    @property
    def recovery(self) -> Recovery:
        """Return the recovery service."""
        if self._recovery is None:
            self._recovery = SliceRecovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery

    async def on_start(self) -> None:
        """Start the recovery at once: stock Faust first sleeps a second, for tables which modules may yet define."""
        if not self.should_stop:
            await self._update_channels()
            await self.recovery.start()

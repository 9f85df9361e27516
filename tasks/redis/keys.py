"""Every Redis key there is, and how long it lives; nothing else spells one.

| key | type | holds | lives |
| --- | --- | --- | --- |
| `job:{id}` | hash | the record: Job, status, attempt, result … | until `expires`, then housekeeping deletes it |
| `evt:{id}` | stream | the job's events, ids `<attempt>-<seq>` | 5 minutes after the terminal event |
| `jobs:{owner}`, `sync:{owner}`, `lines:{owner}` | sorted set | ids of jobs by kind | an entry goes with its record |
| `jobs:`, `sync:`, `lines:` | sorted set | the same of all owners together | an entry goes with its record |
| `idem:{owner}:{key}` | hash | endpoint → job id and body digest | a field goes with its record |
| `queued:{model}:{lane}` | sorted set | jobs that do not run yet, by their place | until the job starts or ends |
| `wait:{model}:{lane}:{turn}` | sorted set | jobs that no message was sent for yet | until it is dispatched or ends |
| `lanes:{model}` | sorted set | `lane:turn` pairs that wait, by when they were served | while anything of it waits |
| `window:{model}` | set | dispatched jobs of the bulk lanes | until the job ends |
| `unclaimed:{model}` | sorted set | jobs whose message no worker took yet, by time sent | until the claim |
| `claims:{model}` | hash | job → the worker that holds it | until the job ends or is handed back |
| `alive:{model}` | sorted set | workers by the time their lease ends | an entry goes when its worker is known gone |
| `workers` | hash | worker → model, pid, slots | a field goes with its entry in `alive` |
| `state:{model}` | string | what the supervisor says of the model | overwritten |
| `wishes` | hash | model → what an administrator asked of it (load, unload) and when | until it is asked anew |
| `catalogue` | string | how often the models' file was read anew | for good |
| `reason:{worker}` | string | why a worker ended, for the errors of its jobs | a day |
| `cancels:{model}` | stream | jobs whose rows are to be dropped | the last 1,000 |
| `done:{model}` | hash | minute → jobs that ended in it | this minute and the last |
| `deadlines` | sorted set | unfinished jobs by deadline | until the job ends |
| `expiry` | sorted set | finished jobs by the end of their time | an entry goes with its record |
| `blob:{sha256}` | hash | owner → number of records that hold it | a field goes with the last of them |
| `hooks` | sorted set | webhooks' deliveries by their next attempt | until they are delivered or given up |
| `hook:{delivery}` | hash | a delivery: event, receiver, state, attempts | a day after its end, or with its record |
| `owed` | list | a nudge for the webhooks' senders | taken at once |
| `clients` | sorted set | web processes by the time their lease ends | an entry goes when they are cleared up |
| `models` | set | models that a supervisor has spoken of | a name goes with the last of its jobs |
| `served` | sorted set | models by the time their supervisors' lease ends | as long as its name in `models` |
| `following:{client}` | hash | job → followers in this web process | goes with the process |
| `reader:{client}` | stream | a nudge for a web process' reader | 5 minutes after the last one |
| `file:{id}` | string | a file: name, purpose, its blob | until it is deleted or expires |
| `files:{owner}` | sorted set | ids of files | an entry goes with its file |
| `batch:{id}` | hash | a batch: status, counts, how far it has come | until `expires`, then it is deleted |
| `batches:{owner}` | sorted set | ids of batches | an entry goes with its batch |
| `completion:{id}` | hash | a stored chat completion: its record and metadata | until it is deleted or `expires` |
| `completions:{owner}` | sorted set | ids of stored chat completions | an entry goes with its completion |
| `conversation:{id}` | hash | a conversation: its record and metadata | until `expires`, which every write moves |
| `conversations:{owner}` | sorted set | ids of conversations by last write | an entry goes with its conversation |
| `items:{conversation}` | sorted set | ids of items in their order | goes with its conversation |
| `places:{conversation}` | hash | item → where its bytes are | goes with its conversation |
| `turns:{conversation}` | list | answers of calls that are not items yet | until somebody reads the conversation |
| `running` | sorted set | batches that have not ended, by creation | until they end |
| `inflight:{batch}` | hash | line → where it stands in the input | until what came of it is in the output |
| `landed` | set | jobs of lines that have ended | until they are removed, once they are in the output |
| `runner` | string | the process that runs batches | 5 seconds, renewed |
| `stir` | list | a nudge for that process | taken at once |
| `outdated` | sorted set | files, batches and what is stored, by its end | an entry goes with its record |
| `key:{id}` | hash | an API key: its record, when it was last used and revoked | for good |
| `keys` | sorted set | ids of API keys, by creation | for good |
| `underway:{key}` | sorted set | requests of a key with limits by the time their lease ends | 15 seconds, renewed |
| `minute:{key}` | sorted set | its requests of the last minute | a minute |
| `unfinished:{key}` | set | its jobs that count towards its limit | until the job ends |
| `leader` | string | the supervisor that dispatches and reconciles | 5 seconds, renewed |
| `wake` | list | a nudge for the dispatcher | taken at once |
| `reply:{process}` | string | what a process was last given, for the case that the reply was lost | a minute |
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Keys:
    """The keys under one namespace."""

    namespace: str

    def _key(self, *parts: str) -> str:
        return ":".join((self.namespace, *parts))

    def job(self, job_id: str) -> str:
        return self._key("job", job_id)

    def events(self, job_id: str) -> str:
        return self._key("evt", job_id)

    def index(self, owner: str, listing: str) -> str:
        return self._key(listing, owner)

    def everybody(self, listing: str) -> str:
        return self._key(listing, "")

    def idempotency(self, owner: str, key: str) -> str:
        return self._key("idem", owner, key)

    def queued(self, model: str, lane: str) -> str:
        return self._key("queued", model, lane)

    def waiting(self, model: str, lane: str, turn: str) -> str:
        return self._key("wait", model, lane, turn)

    def lanes(self, model: str) -> str:
        return self._key("lanes", model)

    def window(self, model: str) -> str:
        return self._key("window", model)

    def unclaimed(self, model: str) -> str:
        return self._key("unclaimed", model)

    def claims(self, model: str) -> str:
        return self._key("claims", model)

    def alive(self, model: str) -> str:
        return self._key("alive", model)

    def workers(self) -> str:
        return self._key("workers")

    def state(self, model: str) -> str:
        return self._key("state", model)

    def reason(self, worker_id: str) -> str:
        return self._key("reason", worker_id)

    def wishes(self) -> str:
        return self._key("wishes")

    def catalogue(self) -> str:
        return self._key("catalogue")

    def cancels(self, model: str) -> str:
        return self._key("cancels", model)

    def done(self, model: str) -> str:
        return self._key("done", model)

    def deadlines(self) -> str:
        return self._key("deadlines")

    def expiry(self) -> str:
        return self._key("expiry")

    def blob(self, sha256: str) -> str:
        return self._key("blob", sha256)

    def hooks(self) -> str:
        return self._key("hooks")

    def hook(self, delivery_id: str) -> str:
        return self._key("hook", delivery_id)

    def owed(self) -> str:
        return self._key("owed")

    def clients(self) -> str:
        return self._key("clients")

    def following(self, client: str) -> str:
        return self._key("following", client)

    def reader(self, client: str) -> str:
        return self._key("reader", client)

    def models(self) -> str:
        return self._key("models")

    def served(self) -> str:
        return self._key("served")

    def file(self, file_id: str) -> str:
        return self._key("file", file_id)

    def files(self, owner: str) -> str:
        return self._key("files", owner)

    def batch(self, batch_id: str) -> str:
        return self._key("batch", batch_id)

    def batches(self, owner: str) -> str:
        return self._key("batches", owner)

    def completion(self, completion_id: str) -> str:
        return self._key("completion", completion_id)

    def completions(self, owner: str) -> str:
        return self._key("completions", owner)

    def conversation(self, conversation_id: str) -> str:
        return self._key("conversation", conversation_id)

    def conversations(self, owner: str) -> str:
        return self._key("conversations", owner)

    def items(self, conversation_id: str) -> str:
        return self._key("items", conversation_id)

    def places(self, conversation_id: str) -> str:
        return self._key("places", conversation_id)

    def turns(self, conversation_id: str) -> str:
        return self._key("turns", conversation_id)

    def running(self) -> str:
        return self._key("running")

    def inflight(self, batch_id: str) -> str:
        return self._key("inflight", batch_id)

    def landed(self) -> str:
        return self._key("landed")

    def runner(self) -> str:
        return self._key("runner")

    def notify_batches(self) -> str:
        return self._key("stir")

    def outdated(self) -> str:
        return self._key("outdated")

    def api_key(self, key_id: str) -> str:
        return self._key("key", key_id)

    def api_keys(self) -> str:
        return self._key("keys")

    def under_way(self, key_id: str) -> str:
        return self._key("underway", key_id)

    def minute(self, key_id: str) -> str:
        return self._key("minute", key_id)

    def unfinished(self, key_id: str) -> str:
        return self._key("unfinished", key_id)

    def leader(self) -> str:
        return self._key("leader")

    def notify_leader(self) -> str:
        return self._key("wake")

    def reply(self, process: str) -> str:
        return self._key("reply", process)

    def queue(self, model: str) -> str:
        """The Celery queue of a model (Celery's own keys carry the namespace as a prefix)."""
        return f"model.{model}"

    def messages(self, model: str) -> str:
        """The list that Celery keeps this queue in."""
        return self._key(self.queue(model))

"""The managed-mobility service desk. A map of the house, from the roof down.

app, processes, cli     composition, entry points and commands; the only ones that import everything
demonstration           a believable operator's desk, made through the operations
engagement              the account manager's 16 days a contract year
backups                 taken, proven by restoring, put back; what a restore keeps back
tickets                 requests, queries, incidents: intake, handling, timeline
orders                  work orders: an action on devices, its approval, execution and outcome
sla · devices           clocks on business calendars · fleet, actions, commands, engines
clients                 companies, contracts, contacts, and whose rows an actor sees
accounts                people, sign-in, one-time links, API tokens
shell                   Flask without domain; only rooms named `web` import it
core                    neither Flask nor domain: database, unit of work, audit, jobs, permissions
sandbox                 a simulated MDM engine, a process of its own that knows nothing of the desk
"""

-- Who writes in this transaction, as current_actor() reads it; its row is found or made with the first row that is written.
SELECT set_config('gridmgmt.actor', :actor, true), set_config('gridmgmt.actor_id', '', true)

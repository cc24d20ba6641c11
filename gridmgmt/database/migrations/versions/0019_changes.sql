-- Revision 0019: whoever listens (gridmgmt_changed) is told, when a transaction is committed, which kinds of tables it wrote into.
-- A statement that touches no row tells too: that costs a server some work, and forgetting would cost it the truth.
CREATE FUNCTION tell_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('gridmgmt_changed', TG_ARGV[0]);
    RETURN NULL;
END
$$;
DO $$
DECLARE
    of_kind record;
    name text;
BEGIN
    FOR of_kind IN SELECT * FROM (VALUES
        ('places', ARRAY['city', 'edition', 'edition_grid', 'feature', 'grid', 'layer', 'lineage']),
        ('people', ARRAY['actor', 'category', 'category_version', 'person', 'person_version', 'post', 'post_version',
                         'responsibility', 'subject', 'unit', 'unit_version']),
        ('facts', ARRAY['assignment', 'attachment', 'batch', 'case_version', 'cases', 'counter', 'draw', 'draw_item',
                        'duty_event', 'finding', 'handed_in', 'inspection', 'notice', 'notice_check', 'notice_finding',
                        'quarantine', 'reporter', 'sample_share', 'sample_version', 'samples', 'step', 'stored_file',
                        'time_limit', 'work_calendar']),
        ('assessing', ARRAY['appeal', 'assessed', 'assessment', 'assessment_act', 'assessment_case',
                            'assessment_sample', 'assessment_step', 'assessment_subject', 'entry', 'rulebook_version',
                            'staff_day'])
    ) AS k (kind, tables) LOOP
        FOREACH name IN ARRAY of_kind.tables LOOP
            EXECUTE format('CREATE TRIGGER tells AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON %I '
                           'FOR EACH STATEMENT EXECUTE FUNCTION tell_change(%L)', name, of_kind.kind);
        END LOOP;
    END LOOP;
END
$$;

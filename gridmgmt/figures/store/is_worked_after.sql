-- Was a case that was reported by the cut-off worked on here after it?
(cases.reported_at <= :cut AND EXISTS (
    SELECT FROM step AS later WHERE later.case_id = cases.id AND later.at > :cut AND later.origin = 'own'
))

COPY (SELECT question, report_id, header, :share FROM upload, dap_split(question, report) WHERE report_id IS NOT NULL) TO STDOUT;

;;; aid-proposal.el --- AID's proposals, shown and accepted  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT

;;; Commentary:

;; A proposal is text: fenced diffs in the chat, a diff in a buffer of its own.  Which proposal, file
;; and hunk point is in is read from the text, so a chat that was saved and visited again still works.
;; Labels in brackets say what was accepted; they are buttons.

;;; Code:

(require 'button)
(require 'diff-mode)
(require 'ediff)
(require 'aid-client)

(defvar aid--proposals (make-hash-table :test #'equal)
  "Proposals as last told, by id.")

(defvar-local aid-proposal--id nil
  "The proposal that this buffer shows; nil in a chat, where the text says it.")

(defconst aid-proposal--labels
  '(("accept all" . aid-accept-all) ("accept file" . aid-accept-file) ("accept hunk" . aid-accept-hunk)
    ("reject" . aid-reject) ("diff" . aid-diff) ("ediff" . aid-ediff) ("undo" . aid-undo) ("redo" . aid-redo))
  "What stands in brackets, and the command it stands for.")

;;; Text that isn't the person's

(defun aid--replace (start end text)
  "Put TEXT in place of what is from START to END; point and undo stay the person's."
  (let ((inhibit-read-only t) (longer (- (length text) (- end start))))
    (save-excursion
      (let ((buffer-undo-list t))
        (goto-char end)
        (insert text)
        (delete-region start end)))
    (unless (eq buffer-undo-list t)
      (aid--shift-undo buffer-undo-list start end longer))))

(defun aid--shift-undo (entries start end longer)
  "Make ENTRIES of an undo list fit a text that is LONGER where START to END was.
What was done to the text between them can't be undone any more."
  (let ((shift (lambda (place) (if (or (>= place end) (<= place (- end))) (+ place (* longer (cl-signum place))) place)))
        (inside (lambda (place) (< start (abs place) end))))
    (while entries
      (pcase (car entries)
        ((and (pred integerp) place) (setcar entries (funcall shift place)))
        (`(t . ,_) (setcar entries nil))  ; not what is on disk any more
        ((and `(,first . ,last) (guard (integerp first)) (guard (integerp last)))
         (if (or (funcall inside first) (funcall inside last))
             (setcar entries nil)
           (setcar entries (cons (funcall shift first)
                                 (if (or (> last end) (and (= last end) (< start end))) (+ last longer) last)))))
        (`(,(pred stringp) . ,place)
         (if (funcall inside place) (setcar entries nil)
           (setcdr (car entries) (funcall shift place))))
        (`(nil ,_ ,_ ,first . ,last)
         (setcdr (nthcdr 2 (car entries)) (cons (funcall shift first) (funcall shift last))))
        (`(apply ,(pred integerp) ,first ,last . ,_)
         (setf (nth 2 (car entries)) (funcall shift first)
               (nth 3 (car entries)) (funcall shift last))))
      (setq entries (cdr entries)))))

;;; Drawing

(defun aid-proposal--diff (file)
  "Return the diff of FILE, a file of a proposal, with a label on each hunk."
  (let* ((path (aid-protocol-proposed-file-path file))
         (status (aid-protocol-proposed-file-status file))
         (old (or (aid-protocol-proposed-file-old-path file) path)))
    (concat (format "diff --git a/%s b/%s\n" old path)
            (format "--- %s\n" (if (equal status "added") "/dev/null" (concat "a/" old)))
            (format "+++ %s\n" (if (equal status "deleted") "/dev/null" (concat "b/" path)))
            (mapconcat (lambda (hunk)
                         (concat (aid-protocol-proposed-hunk-header hunk) " [accept hunk]\n"
                                 (aid-protocol-proposed-hunk-text hunk)))
                       (aid-protocol-proposed-file-hunks file) ""))))

(defun aid-proposal-text (proposal)
  "Return PROPOSAL in Markdown."
  (puthash (aid-protocol-proposal-id proposal) proposal aid--proposals)
  (concat (format "**Proposal %s** %s\n\n[accept all] [reject] [diff] [undo]\n"
                  (aid-protocol-proposal-id proposal) (aid-protocol-proposal-badge proposal))
          (mapconcat (lambda (file)
                       (format "\n### %s +%d -%d [accept file] [ediff]\n\n```diff\n%s```\n"
                               (aid-protocol-proposed-file-path file)
                               (aid-protocol-proposed-file-added file)
                               (aid-protocol-proposed-file-removed file)
                               (aid-proposal--diff file)))
                     (aid-protocol-proposal-files proposal) "")))

(defun aid-proposal--bounds (id)
  "Return start and end in this buffer of the proposal ID's text, or nil."
  (save-excursion
    (goto-char (point-min))
    (cond (aid-proposal--id (and (equal id aid-proposal--id) (cons (point-min) (point-max))))
          ((re-search-forward (format "^\\*\\*Proposal %s\\*\\*" (regexp-quote id)) nil t)
           (cons (match-beginning 0)
                 (if (re-search-forward "^\\(?:## \\|\\*\\*Proposal \\)" nil t) (match-beginning 0) (point-max)))))))

(defun aid-proposal-draw (start end)
  "Make buttons of the labels from START to END."
  (save-excursion
    (goto-char start)
    (while (re-search-forward (concat "\\[" (regexp-opt (mapcar #'car aid-proposal--labels) t) "\\]") end t)
      (unless (button-at (match-beginning 1))
        (make-button (match-beginning 0) (match-end 0)
                     'action (lambda (button)
                               (goto-char (button-start button))
                               (call-interactively
                                (cdr (assoc (string-trim (button-label button) "\\[" "\\]") aid-proposal--labels))))
                     'evaporate t 'follow-link t 'help-echo "RET, mouse-1: do it")))))

(defun aid-proposal--show-state (proposal)
  "Write into this buffer what was accepted of PROPOSAL, if it is shown here."
  (pcase (aid-proposal--bounds (aid-protocol-proposal-id proposal))
    (`(,start . ,end)
     (save-excursion
       (let ((end (copy-marker end t)) (state (aid-protocol-proposal-state proposal)))
         (goto-char start)
         (while (re-search-forward "^.*\\(\\[\\(?:accept \\(all\\|file\\|hunk\\)\\|\\(all\\|file\\|hunk\\) [a-z]+\\)\\]\\)" end t)
           (let* ((part (or (match-string 2) (match-string 3))) (from (match-beginning 1)) (to (match-end 1))
                  (label (cond ((member state '("accepted" "rejected")) (format "[%s %s]" part state))
                               ((aid-proposal--accepted-p proposal part) (format "[%s accepted]" part))
                               (t (format "[accept %s]" part)))))
             (unless (string= label (buffer-substring-no-properties from to))
               (aid--replace from to label))
             (forward-line)))
         (aid-proposal-draw start end))))))

(defun aid-proposal--accepted-p (proposal part)
  "Whether PART, of which point is on the line, of PROPOSAL is accepted."
  (pcase-let ((`(,_ ,file ,hunk) (aid-proposal--place)))
    (let* ((file (and file (nth file (aid-protocol-proposal-files proposal))))
           (hunks (and file (aid-protocol-proposed-file-hunks file))))
      (pcase part
        ("file" (and hunks (seq-every-p #'aid-protocol-proposed-hunk-accepted hunks)))
        ("hunk" (and hunk (nth hunk hunks) (aid-protocol-proposed-hunk-accepted (nth hunk hunks))))))))

;;; Where point is

(defun aid-proposal--place ()
  "Return the id, the number of the file and that of the hunk that point is in, each nil or from 0.
The id is that of the proposal above point; where there is none, of the one below."
  (save-excursion
    (end-of-line)
    (let* ((point (point)) (title "^\\*\\*Proposal \\([^* \n]+\\)\\*\\*")
           (id (or aid-proposal--id
                   (and (or (re-search-backward title nil t) (re-search-forward title nil t)) (match-string 1))))
           (start (if aid-proposal--id (point-min) (and id (line-beginning-position))))
           (file-line (if aid-proposal--id "^diff --git " "^### "))
           (file (and start (> point start) (1- (how-many file-line start point))))
           (hunk nil))
      (when (and file (>= file 0))
        (goto-char point)
        (re-search-backward file-line start)
        (setq hunk (1- (how-many "^@@ " (point) point))))
      (list id (and file (>= file 0) file) (and hunk (>= hunk 0) hunk)))))

(defun aid-proposal--with (function)
  "Call FUNCTION with the proposal at point, its file and its hunk, each a record or nil.
In a buffer that shows none, that is the newest one that is open."
  (pcase-let* ((`(,id ,file ,hunk) (and (derived-mode-p 'aid-chat-mode 'aid-diff-mode) (aid-proposal--place)))
               (known (and id (gethash id aid--proposals)))
               (then (lambda (proposal)
                       (puthash (aid-protocol-proposal-id proposal) proposal aid--proposals)
                       (let ((file (and file (nth file (aid-protocol-proposal-files proposal)))))
                         (funcall function proposal file
                                  (and file hunk (nth hunk (aid-protocol-proposed-file-hunks file))))))))
    (cond (known (funcall then known))
          (id (aid-request (aid-root) :aid/proposal (list :id id) then))
          (t (aid-request (aid-root) :aid/proposals (list :workspace (aid--workspace (aid-root)))
                          (lambda (result)
                            (let ((open (aid-protocol-proposals-result-proposals result)))
                              (if open (funcall then (car open)) (message "AID: there is no open proposal")))))))))

(defun aid-next-hunk (&optional count)
  "Go to the next hunk, or COUNT hunks on."
  (interactive "p")
  (let ((point (point)))
    (if (< (or count 1) 0) (beginning-of-line) (end-of-line))
    (if (re-search-forward "^@@ " nil t (or count 1))
        (beginning-of-line)
      (goto-char point)
      (user-error "No more hunks"))))

(defun aid-previous-hunk (&optional count)
  "Go to the previous hunk, or COUNT hunks back."
  (interactive "p")
  (aid-next-hunk (- (or count 1))))

;;; Accepting

(defun aid-proposal--accept (save part)
  "Accept what PART, a function, says of the proposal, the file and the hunk at point.
With SAVE, save the buffers that this changes."
  (let ((root (aid-root)))
    (aid-proposal--with
     (lambda (proposal file hunk)
       (aid-request root :aid/accept
                    `(:id ,(aid-protocol-proposal-id proposal) :through_editor t ,@(funcall part file hunk))
                    (lambda (outcome) (aid-proposal--done root proposal outcome "accepted" save)))))))

(defun aid-accept-all (save)
  "Accept the proposal at point.  With a prefix argument SAVE, save what it changes."
  (interactive "P")
  (aid-proposal--accept save #'ignore))

(defun aid-accept-file (save)
  "Accept the file at point.  With a prefix argument SAVE, save it."
  (interactive "P")
  (aid-proposal--accept save (lambda (file _) (list :files (vector (aid-proposal--path file))))))

(defun aid-accept-hunk (save)
  "Accept the hunk at point.  With a prefix argument SAVE, save its file."
  (interactive "P")
  (aid-proposal--accept
   save (lambda (file hunk)
          (let ((path (aid-proposal--path file)))
            (unless hunk (user-error "Point is in no hunk: accept the file"))
            (list :hunks (vector (list :path path :index (aid-protocol-proposed-hunk-index hunk))))))))

(defun aid-proposal--path (file)
  "Return the path of FILE, a file of a proposal that point is in."
  (if file (aid-protocol-proposed-file-path file) (user-error "Point is in no file of a proposal")))

(defun aid-reject ()
  "Reject the proposal at point."
  (interactive)
  (let ((root (aid-root)))
    (aid-proposal--with
     (lambda (proposal &rest _)
       (aid-request root :aid/reject (list :id (aid-protocol-proposal-id proposal))
                    (lambda (outcome) (aid-proposal--done root proposal outcome "rejected" nil)))))))

(defun aid-undo ()
  "Take back what was accepted last in this project, in the buffers and on disk."
  (interactive)
  (aid-proposal--turn :aid/undo "taken back"))

(defun aid-redo ()
  "Do again what `aid-undo' took back last."
  (interactive)
  (aid-proposal--turn :aid/redo "done again"))

(defun aid-proposal--turn (method words)
  "Ask METHOD, undo or redo, of the last outcome; WORDS say what was done."
  (let ((root (aid-root)))
    (aid-request root method (list :workspace (aid--workspace root) :through_editor t)
                 (lambda (outcome) (aid-proposal--done root nil outcome words nil)))))

(defun aid-proposal--done (root proposal outcome words save)
  "Say what became of PROPOSAL of the project at ROOT: OUTCOME, in WORDS.
With SAVE, save the buffers that were changed.  PROPOSAL may be nil: OUTCOME says which."
  (let ((id (if proposal (aid-protocol-proposal-id proposal)
              (car (split-string (or (aid-protocol-outcome-result-applied outcome) "") "[.]"))))
        (refused (aid-protocol-outcome-result-refused outcome)))
    (if refused
        (message "AID: not %s: %s" words
                 (mapconcat (lambda (each)
                              (concat (plist-get each :path) (and (plist-get each :path) ": ") (plist-get each :reason)))
                            refused "; "))
      (message "AID: %s%s" words
               (mapconcat (lambda (each) (concat " " (plist-get each :path)))
                          (aid-protocol-outcome-result-files outcome) ",")))
    (when save
      (dolist (path (aid-protocol-outcome-result-in-editor outcome))
        (with-current-buffer (find-file-noselect (expand-file-name path root)) (save-buffer))))
    (unless (or refused (string-empty-p id))
      (aid-request root :aid/proposal (list :id id)
                   (lambda (now)
                     (puthash id now aid--proposals)
                     (dolist (buffer (buffer-list))
                       (with-current-buffer buffer
                         (when (derived-mode-p 'aid-chat-mode 'aid-diff-mode)
                           (aid-proposal--show-state now)))))
                   #'ignore))))

;;; Views

(defvar aid-diff-mode-map
  (let ((map (make-sparse-keymap)))
    (pcase-dolist (`(,key . ,command)
                   '(("a" . aid-accept-all) ("f" . aid-accept-file) ("h" . aid-accept-hunk) ("r" . aid-reject)
                     ("n" . aid-next-hunk) ("p" . aid-previous-hunk) ("e" . aid-ediff) ("u" . aid-undo)
                     ("q" . quit-window) ([remap diff-apply-hunk] . aid-accept-hunk)))
      (define-key map key command))
    map)
  "Keys in the diff of a proposal.")

(define-derived-mode aid-diff-mode diff-mode "AID-Diff"
  "A proposal as a diff."
  (setq buffer-read-only t)
  (setq-local minor-mode-overriding-map-alist nil))   ; `diff-mode' puts keys of its own above ours

(defun aid-proposal-view (root proposal)
  "Show PROPOSAL for the project at ROOT as a diff."
  (puthash (aid-protocol-proposal-id proposal) proposal aid--proposals)
  (with-current-buffer (get-buffer-create (format "*aid %s*" (aid-protocol-proposal-id proposal)))
    (let ((inhibit-read-only t))
      (erase-buffer)
      (insert (mapconcat #'aid-proposal--diff (aid-protocol-proposal-files proposal) "")))
    (aid-diff-mode)
    (setq default-directory root aid-root root aid-proposal--id (aid-protocol-proposal-id proposal)
          header-line-format (format " %s   a all, f file, h hunk, r reject, n/p next/previous, e ediff, u undo"
                                     (string-replace "%" "%%" (aid-protocol-proposal-badge proposal))))
    (goto-char (point-min))
    (aid-proposal--show-state proposal)
    (re-search-forward "^@@ .*\n" nil t)
    (pop-to-buffer (current-buffer))))

(defun aid-diff ()
  "Show the proposal at point in `diff-mode'."
  (interactive)
  (let ((root (aid-root)))
    (aid-proposal--with (lambda (proposal &rest _) (aid-proposal-view root proposal)))))

(defun aid-ediff ()
  "Compare the file at point with what would become of it."
  (interactive)
  (let ((root (aid-root)))
    (aid-proposal--with
     (lambda (proposal file _)
       (let* ((file (or file (car (aid-protocol-proposal-files proposal))))
              (old (or (aid-protocol-proposed-file-old-path file) (aid-protocol-proposed-file-path file)))
              (now (find-file-noselect (expand-file-name old root)))
              (then (get-buffer-create (format "*aid %s*" (aid-protocol-proposed-file-path file)))))
         (with-current-buffer then
           (erase-buffer)
           (insert (with-current-buffer now (save-restriction (widen) (buffer-string))))
           (aid-proposal--put (aid-protocol-proposed-file-hunks file))
           (let ((buffer-file-name (buffer-file-name now))) (set-auto-mode)))
         (ediff-buffers now then))))))

(defun aid-proposal--put (hunks)
  "Make the changes of HUNKS that aren't accepted yet in this buffer, a copy of their file."
  (let ((moved 0) (longer 0))
    (dolist (hunk hunks)
      (let* ((lines (split-string (aid-protocol-proposed-hunk-text hunk) "\n" t))
             (side (lambda (mark)
                     (mapconcat (lambda (line) (if (memq (aref line 0) (list ?\s mark)) (concat (substring line 1) "\n") ""))
                                lines "")))
             (old (funcall side ?-)) (new (funcall side ?+)))
        (setq longer (- (aid-protocol-proposed-hunk-new-lines hunk) (aid-protocol-proposed-hunk-old-lines hunk)))
        (unless (aid-protocol-proposed-hunk-accepted hunk)
          (goto-char (point-min))
          (forward-line (+ moved (aid-protocol-proposed-hunk-old-first hunk)
                           (if (= 0 (aid-protocol-proposed-hunk-old-lines hunk)) 0 -1)))
          (unless (string-prefix-p old (concat (buffer-substring (point) (point-max)) "\n"))
            (user-error "The file changed since: accept says whether it still fits"))
          (delete-region (point) (min (point-max) (+ (point) (length old))))
          (insert new))
        (setq moved (+ moved longer))))))

(provide 'aid-proposal)
;;; aid-proposal.el ends here
